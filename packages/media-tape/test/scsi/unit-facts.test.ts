import { type ScsiCommand, type ScsiTransport, systemClock } from '@nb/contracts'
import t from 'tap'
import { parseCdb } from '../../src/scsi/cdb.ts'
import { buildInquiry } from '../../src/scsi/inquiry.ts'
import { ScsiUnit } from '../../src/scsi/scsi-unit.ts'
import { askUnit } from '../../src/scsi/unit-facts.ts'

t.test('a unit that announces gigabytes of commands is taken for one that does not tell', async (t) => {
  const asked: number[] = []
  const inquiry = buildInquiry({
    qualifier: 0,
    deviceType: 1,
    removable: true,
    version: 6,
    commandQueueing: false,
    vendor: 'EVIL',
    product: 'DRIVE',
    revision: '1',
  })
  const transport: ScsiTransport = {
    name: 'hostile',
    queueDepth: 1,
    nexus: 1,
    open: async () => undefined,
    close: async () => undefined,
    reset: async () => undefined,
    execute: async ({ cdb, dataIn = new Uint8Array() }: ScsiCommand) => {
      const parsed = parseCdb(cdb, 'tape')
      const answer = Buffer.alloc(dataIn.length)
      if (parsed.command === 'inquiry' && parsed.vital !== true) answer.set(inquiry)
      if (parsed.command === 'report-supported-opcodes') {
        asked.push(dataIn.length)
        answer.writeUInt32BE(0xff_ff_ff_f0, 0)
      }
      dataIn.set(answer)
      return { status: 0, dataInBytes: dataIn.length, dataOutBytes: 0 }
    },
  }
  const { supports, inquiry: told } = await askUnit(new ScsiUnit(transport, 'tape', systemClock()))
  t.equal(told.vendor, 'EVIL')
  t.same(asked, [4096], 'no more memory was set aside for it')
  t.ok(supports.has('locate-16'), 'so everything may be tried')
})
