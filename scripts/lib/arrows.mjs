// The arrows of docs/ARCHITECTURE.md as data: what the source of each package may import from its siblings.
// The lint rule nb/arrows and test/arrows.test.ts both read this table.

const implementation = ['contracts', 'formats']

/** Package folder -> folders of siblings that its src may import. */
export const allowedSiblings = {
  contracts: [],
  formats: [],
  'test-kit': ['contracts', 'formats'],
  scheduler: implementation,
  jobmanager: implementation,
  'resource-broker': implementation,
  emm: implementation,
  catalog: implementation,
  restore: implementation,
  'media-disk': implementation,
  'media-tape': implementation,
  transfer: implementation,
  remote: ['contracts'],
  // The scheduler for the form of policy files alone; whatever else the command does goes over ports.
  cli: ['contracts', 'remote', 'scheduler'],
  // A composition like the examples, but published: it takes implementations by name (docs/adr/0008).
  simulation: ['contracts', 'test-kit', 'scheduler', 'jobmanager', 'resource-broker', 'emm'],
}

/** Files that may read the machine's own time; everything else asks a Clock. */
export const ownTime = ['packages/contracts/src/clock.ts', 'packages/cli/src/**', 'packages/remote/src/**']
