import { library } from '../../tsup.shared.ts'

export default library(['src/index.ts', 'src/reader-worker.ts', 'src/extractor-worker.ts'])
