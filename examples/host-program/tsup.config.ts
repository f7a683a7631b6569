import { program } from '../../tsup.shared.ts'

export default program(
  'src/index.ts',
  'src/catalog-backup/index.ts',
  'src/database/index.ts',
  'src/tape/index.ts',
)
