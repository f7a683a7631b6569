import { systemClock } from '@nb/contracts'
import { openTapeLibrary } from '../../src/index.ts'

// Leaves a blank volume in the first drive for the story `transport`: prepare-transport.ts URL SHARE.

const [url = ''] = process.argv.slice(2)
const library = await openTapeLibrary(
  { clock: systemClock() },
  { library: url, initiatorName: 'iqn.2026-11.example.nb:writer' },
)
const { robot } = library.robot
const [first] = library.drives
if (first === undefined) throw new Error('the library has no drive')
await robot.move({ from: { kind: 'slot', number: 1 }, to: { kind: 'drive', number: 1 } })
await first.drive.load()
await library.close()
