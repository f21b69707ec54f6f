/** A text that Json.NET cannot read, or that this host refuses to rewrite. */
export class JsonNetRefusal extends Error {}
