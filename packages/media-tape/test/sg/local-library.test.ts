import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@nb/contracts'
import t, { type Test } from 'tap'
import {
  createTapeEmulator,
  openTapeLibrary,
  type OpenTapeLibrary,
  openUnits,
  type SgCalls,
  type SgMemory,
  type TapeEmulatorOptions,
} from '../../src/index.ts'
import { ScriptedCalls } from './scripted-calls.ts'

const clock = systemClock()
const initiatorName = 'iqn.2026-11.example.test:me'

/** Nodes of the units of emulated libraries: what opens them, and how the kernel tells of them. */
class Host implements SgCalls {
  readonly devices: string
  readonly system: string
  readonly #calls = new Map<string, ScriptedCalls>()
  readonly #memory = new ScriptedCalls()
  readonly refused = new Map<string, number>()

  constructor(root: string) {
    this.devices = join(root, 'dev')
    this.system = join(root, 'sys')
    mkdirSync(this.devices)
  }

  /** A unit with a generic node, and the nodes of its own driver. */
  add(sg: string, type: number, driver: string | undefined, script: ScriptedCalls['script']): void {
    const calls = new ScriptedCalls()
    calls.script = script
    this.#calls.set(join(this.devices, sg), calls)
    writeFileSync(join(this.devices, sg), '')
    const generic = join(this.system, 'class/scsi_generic', sg, 'device')
    mkdirSync(generic, { recursive: true })
    writeFileSync(join(generic, 'type'), `${type}\n`)
    if (driver === undefined) return
    const [of, name = ''] = driver.split('/')
    writeFileSync(join(this.devices, name), '')
    mkdirSync(join(this.system, 'class', of ?? '', name, 'device/scsi_generic', sg), { recursive: true })
  }

  allocate(sizeBytes: number): SgMemory {
    return this.#memory.allocate(sizeBytes)
  }

  async open(path: string): ReturnType<SgCalls['open']> {
    const calls = this.#calls.get(path)
    const errno = this.refused.get(path) ?? (calls === undefined ? constants.errno.ENOTTY : 0)
    if (errno !== 0 || calls === undefined) return { errno }
    return calls.open()
  }

  get openDevices(): number {
    return [...this.#calls.values()].reduce((sum, { opened, closed }) => sum + opened - closed, 0)
  }
}

/** A host with a library of two drives, a drive by itself, and a disk, found by the kernel in no order. */
async function rig(t: Test, options: Partial<TapeEmulatorOptions> = {}) {
  const host = new Host(t.testdir({}))
  const make = async (drives: number, serials: string): Promise<ReturnType<typeof createTapeEmulator>> => {
    const library = createTapeEmulator(
      { clock },
      {
        slots: 2,
        drives,
        capacityBytes: 1_000_000,
        volumes: ['NBT001L8'],
        serialPrefix: serials,
        ...options,
      },
    )
    await library.start()
    t.teardown(() => library.stop())
    return library
  }
  const [library, other] = [await make(2, 'LIB'), await make(1, 'ALONE')]
  const scriptOf =
    (emulator: typeof library, unit: string): ScriptedCalls['script'] =>
    async ({ cdb, direction, data }) => {
      const transport = emulator.transport(unit, 'linux')
      const dataIn = Buffer.alloc(direction === 'in' ? data.length : 0)
      const { status, sense, dataInBytes } = await transport.execute({
        cdb,
        ...(direction === 'in' ? { dataIn } : {}),
        ...(direction === 'out' ? { dataOut: data } : {}),
      })
      return {
        status,
        dataIn: dataIn.subarray(0, dataInBytes),
        residual: data.length - dataInBytes,
        ...(sense === undefined ? {} : { sense, driver: 8 }),
      }
    }
  host.add('sg0', 0, undefined, () => ({ errno: constants.errno.EIO }))
  host.add('sg1', 1, 'scsi_tape/nst0', scriptOf(other, 'drive1'))
  host.add('sg2', 1, 'scsi_tape/nst1', scriptOf(library, 'drive2'))
  host.add('sg10', 1, 'scsi_tape/nst2', scriptOf(library, 'drive1'))
  host.add('sg3', 8, 'scsi_changer/sch0', scriptOf(library, 'changer'))
  const open = (...names: readonly string[]): Promise<OpenTapeLibrary> =>
    openTapeLibrary(
      { clock, sgCalls: host, host },
      { library: names.map((name) => join(host.devices, name)).join(','), initiatorName },
    )
  return { host, open }
}

const nodes = ({ drives }: OpenTapeLibrary): readonly string[] =>
  drives.map(({ name, unit }) => `${name} ${unit.name.split('/').at(-1)}`)

t.test('a robot is enough: its drives are found by what it says of them, in its order', async (t) => {
  const { host, open } = await rig(t)
  const library = await open('sg3')
  t.equal(library.name, join(host.devices, 'sg3'))
  t.same(nodes(library), ['drive1 sg10', 'drive2 sg2'])
  const places = await library.robot.robot.inventory()
  t.same(
    places.flatMap(({ drive }) => drive ?? []),
    ['drive1', 'drive2'],
  )
  const [first] = library.drives
  await library.robot.robot.move({ from: { kind: 'slot', number: 1 }, to: { kind: 'drive', number: 1 } })
  await first?.drive.load()
  await library.close()
  t.equal(host.openDevices, 0, 'all is let go')
})

t.test('drives that are named count, in their order, by any of their nodes', async (t) => {
  const { host, open } = await rig(t)
  symlinkSync(join(host.devices, 'nst2'), join(host.devices, 'scsi-LIB-drive1'))
  const library = await open('sch0', 'nst1', 'scsi-LIB-drive1')
  t.same(nodes(library), ['drive1 sg2', 'drive2 sg10'])
  await library.close()
})

t.test('what is no library, or out of reach, says so, and nothing stays open', async (t) => {
  const { host, open } = await rig(t)
  const { EACCES } = constants.errno
  await t.rejects(open('sg9'), { code: 'not-found', message: /no such device/ })
  await t.rejects(open('nst1'), { code: 'argument-invalid', message: /sg2 \(tape drive, .*\) is no robot/ })
  await t.rejects(open('sg3', 'sg2', 'nst1'), { code: 'argument-invalid', message: /twice/ })
  writeFileSync(join(host.devices, 'letter'), 'Dear reader')
  await t.rejects(open('letter'), { code: 'argument-invalid', message: /no device of the SCSI drivers/ })
  writeFileSync(join(host.devices, 'nst7'), '')
  await t.rejects(open('nst7'), { code: 'not-found', message: /modprobe sg/ })
  host.refused.set(join(host.devices, 'sg10'), EACCES)
  const one = await open('sg3')
  t.same(nodes(one), ['drive1 sg2'], 'a drive that we may not use is left out')
  await one.close()
  host.refused.set(join(host.devices, 'sg2'), EACCES)
  await t.rejects(open('sg3'), { code: 'not-found', message: /left out: .*EACCES.*Name its drives/ })
  await t.rejects(open('sg3', 'sg2'), { code: 'scsi-access-denied', details: { systemCode: 'EACCES' } })
  t.equal(host.openDevices, 0)
  const group = await openUnits(
    { clock, sgCalls: host, host },
    { library: join(host.devices, 'nst0'), initiatorName },
  )
  t.match(group.named, { kind: 'drive', name: join(host.devices, 'sg1') })
  await group.close()
})
