import { library } from '../../tsup.shared.ts'

// Worker threads are files of their own: each src/*-worker.ts stays a separate file of dist.
export default library(['src/index.ts', 'src/*-worker.ts'])
