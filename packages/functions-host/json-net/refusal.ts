/** Json.NET cannot read the text, or this host refuses to rewrite it. */
export class JsonNetRefusal extends Error {}
