/** What a project has as Tidemark's own has it, from the root: what Azure and the host read. The shapes' snapshots and the topology are its own. */
export const COPIED = [
  'host.json',
  'local.settings.sample.json',
  ...['abbreviations.json', 'bicepconfig.json', 'modules'].map((name) => `infra/${name}`),
  ...['cosmos-roles', 'main', 'names', 'private-dns-zones', 'shapes', 'types'].map((name) => `infra/${name}.bicep`),
  ...['main', 'main.dev', 'main.prod', 'main.test'].map((name) => `infra/${name}.bicepparam`),
]
