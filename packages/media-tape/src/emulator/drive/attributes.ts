import { NbError } from '@nb/contracts'
import {
  attribute,
  buildAttributeList,
  buildAttributes,
  type MediumAttribute,
  parseAttributes,
} from '../../scsi/attributes.ts'
import { CheckCondition, good, invalidField } from '../target/answer.ts'
import { conditions } from '../target/conditions.ts'
import { densityCode } from '../density.ts'
import type { StoredAttribute, Volume } from '../medium/volume.ts'
import type { CommandTable } from '../target/unit-command.ts'
import type { DriveContext } from './drive-context.ts'
import type { Medium } from './mechanism.ts'

/** Bytes of hosts' attributes that a cartridge's chip has room for. */
const memoryBytes = 8192
/** Those that hosts may write (SPC-5, 7.4.1). */
const hostsBegin = 0x0800
const hostsEnd = 0x0bff
const formats = ['binary', 'ascii', 'text'] as const
const mebibyte = 1024 ** 2

/** READ ATTRIBUTE and WRITE ATTRIBUTE (SPC-5, 6.20 and 6.46) on the chip of the loaded volume. */
export function attributeCommands(context: DriveContext): CommandTable {
  const { mechanism } = context
  return {
    'read-attribute': {
      serviceActions: [0, 1],
      run: ({ serviceAction, partition, firstAttribute }) => {
        const medium = mechanism.ready()
        if (partition !== 0) throw invalidField('read-attribute', 'partition')
        const all = attributesOf(context, medium).filter(({ id }) => id >= firstAttribute)
        if (serviceAction === 0) return good(buildAttributes(all))
        if (serviceAction === 1) return good(buildAttributeList(all.map(({ id }) => id)))
        throw invalidField('read-attribute', 'serviceAction')
      },
    },
    'write-attribute': {
      run: async ({ partition }, { dataOut }) => {
        const medium = mechanism.ready()
        if (partition !== 0) throw invalidField('write-attribute', 'partition')
        if (medium.volume.writeProtected) throw new CheckCondition(conditions.writeProtected)
        if (dataOut.length === 0) return good()
        const attributes = withWritten(medium.volume, parseList(dataOut))
        const before = medium.volume
        medium.volume = { ...before, attributes }
        try {
          await context.save(medium)
        } catch (error) {
          medium.volume = before
          throw error
        }
        return good()
      },
    },
  }
}

/** All that the chip tells, in the order of identifiers. */
function attributesOf({ unit }: DriveContext, { volume, cartridge }: Medium): MediumAttribute[] {
  const { index } = cartridge
  const left = volume.capacityBytes - index.mediaBytesBefore(index.objects)
  const number = (id: number, value: number, bytes: number): MediumAttribute => {
    const data = Buffer.alloc(8)
    data.writeBigUInt64BE(BigInt(Math.max(0, Math.floor(value))))
    return { id, readOnly: true, format: 'binary', value: data.subarray(8 - bytes) }
  }
  const text = (id: number, value: string, bytes: number): MediumAttribute => ({
    id,
    readOnly: true,
    format: 'ascii',
    value: Buffer.from(value.padEnd(bytes).slice(0, bytes), 'ascii'),
  })
  const types = { data: 0x00, cleaning: 0x01, worm: 0x80 } as const
  let alerts = 0n
  for (const flag of unit.alerts.up) alerts |= 1n << BigInt(64 - flag)
  const alertBytes = Buffer.alloc(8)
  alertBytes.writeBigUInt64BE(alerts)
  const own = [
    number(attribute.remainingCapacity, left / mebibyte, 8),
    number(attribute.maximumCapacity, volume.capacityBytes / mebibyte, 8),
    { ...number(attribute.tapeAlertFlags, 0, 8), value: alertBytes },
    number(attribute.loadCount, volume.loads, 8),
    number(attribute.memoryRemaining, memoryBytes - usedMemory(volume.attributes), 8),
    number(attribute.formattedDensity, densityCode, 1),
    ...volume.drives.map((serial, at) => text(0x020a + at, `NB      ${serial}`, 40)),
    number(attribute.writtenInLife, volume.writtenBytes / mebibyte, 8),
    number(attribute.readInLife, volume.readBytes / mebibyte, 8),
    text(attribute.manufacturer, 'NB', 8),
    text(attribute.serialNumber, volume.serial, 32),
    number(attribute.mediumDensity, densityCode, 1),
    number(attribute.mediumType, types[volume.kind], 1),
  ]
  const hosts = Object.entries(volume.attributes).map(([id, { format, hex }]) => ({
    id: Number.parseInt(id, 16),
    readOnly: false,
    format: formats[format] ?? 'binary',
    value: Buffer.from(hex, 'hex'),
  }))
  return [...own, ...hosts].sort((one, other) => one.id - other.id)
}

function parseList(dataOut: Uint8Array): readonly MediumAttribute[] {
  try {
    return parseAttributes(dataOut)
  } catch (error) {
    if (error instanceof NbError) throw new CheckCondition(conditions.invalidParameter)
    throw error
  }
}

/** An attribute of no length is taken away. Throws 5/26/00 for one that is not the hosts', 5/55/… for one too many. */
function withWritten(volume: Volume, written: readonly MediumAttribute[]): Volume['attributes'] {
  const attributes = new Map(Object.entries(volume.attributes))
  for (const { id, readOnly, format, value } of written) {
    if (readOnly || id < hostsBegin || id > hostsEnd) throw new CheckCondition(conditions.invalidParameter)
    const key = id.toString(16).padStart(4, '0')
    if (value.length === 0) attributes.delete(key)
    else attributes.set(key, { format: formats.indexOf(format), hex: Buffer.from(value).toString('hex') })
  }
  const all = Object.fromEntries(attributes)
  if (usedMemory(all) > memoryBytes) throw new CheckCondition(conditions.memoryFull)
  return all
}

function usedMemory(attributes: Readonly<Record<string, StoredAttribute>>): number {
  return Object.values(attributes).reduce((sum, { hex }) => sum + 5 + hex.length / 2, 0)
}
