import { library } from '../../tsup.shared.ts'

// The thread of a device is a file of its own: src/sg-worker.ts stays a separate file of dist.
export default library(['src/index.ts', 'src/*-worker.ts'])
