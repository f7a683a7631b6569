/** How volumes that the robot has and nobody knows are taken in, by their barcode. */
export interface BarcodeRule {
  /** Barcodes that begin so; the longest that fits counts. @default '', all */
  readonly prefix?: string
  /** `data`: a volume to write to; `cleaning`: it cleans drives; `ignore`: it is left alone. @default 'data' */
  readonly use?: 'data' | 'cleaning' | 'ignore'
  /** Its density. @default 'hcart' */
  readonly density?: string
  /** Its pool. @default 'NetBackup' */
  readonly pool?: string
}

/** How the volume id is made of barcodes of one length, where the usual way would give several volumes the same. */
export interface VolumeIdRule {
  /** Characters of the barcodes that it is for, 1–32. */
  readonly barcodeLength: number
  /** The id, character by character, 1–6: a number takes that character of the barcode, counted from 1; a letter or digit stands for itself. */
  readonly characters: readonly (number | string)[]
  /** The robot that it is for; it goes before one for all. @default all robots */
  readonly robot?: string
}

/** How barcodes are read. */
export interface BarcodeReading {
  readonly rules: readonly BarcodeRule[]
  /** @default [] */
  readonly volumeIds?: readonly VolumeIdRule[]
}

/** What a barcode stands for. */
export interface BarcodeMeaning extends Required<Omit<BarcodeRule, 'prefix'>> {
  readonly volumeId: string
}

/** Cleaning cartridges have this prefix by the barcode convention of the field, unless a rule says otherwise of it. */
const cleaningRule: BarcodeRule = { prefix: 'CLN', use: 'cleaning' }
const volumeIdLength = 6
const mostBarcode = 32
/** Media type behind the volume's number, such as L8 or JD (LTO barcode label specification). */
const mediaType = /^([A-Z0-9]{6})[A-Z][A-Z0-9]$/

/**
 * What a barcode means by the rules. Where no rule makes its volume id, that is the six characters before the media type if the barcode is one
 * of eight with such, else its last six. `undefined` where that gives no id.
 */
export function meaningOf(
  barcode: string,
  { rules, volumeIds = [] }: BarcodeReading,
  robot?: string,
): BarcodeMeaning | undefined {
  const volumeId =
    madeBy(volumeIdRule(barcode, volumeIds, robot), barcode) ??
    mediaType.exec(barcode)?.[1] ??
    barcode.slice(-volumeIdLength)
  if (!/^[A-Z0-9]{1,6}$/.test(volumeId)) return undefined
  const [rule = {}] = [...rules, cleaningRule]
    .filter(({ prefix = '' }) => barcode.startsWith(prefix))
    .sort((a, b) => (b.prefix ?? '').length - (a.prefix ?? '').length)
  const { use = 'data', density = 'hcart', pool = 'NetBackup' } = rule
  return { volumeId, use, density, pool }
}

/** The volume id that a barcode gives without any rule: `NBT001` of `NBT001L8`; `undefined` where that gives none. */
export function volumeIdOf(barcode: string): string | undefined {
  return meaningOf(barcode, { rules: [] })?.volumeId
}

function volumeIdRule(
  barcode: string,
  rules: readonly VolumeIdRule[],
  robot: string | undefined,
): VolumeIdRule | undefined {
  const fitting = rules.filter(({ barcodeLength }) => barcodeLength === barcode.length)
  return (
    fitting.find((rule) => rule.robot !== undefined && rule.robot === robot) ??
    fitting.find((rule) => rule.robot === undefined)
  )
}

function madeBy(rule: VolumeIdRule | undefined, barcode: string): string | undefined {
  return rule?.characters.map((each) => (typeof each === 'number' ? barcode.charAt(each - 1) : each)).join('')
}

/** Throws a `TypeError` for rules that can't be followed, or of which two are for the same. */
export function checkBarcodeReading({ rules, volumeIds = [] }: BarcodeReading): void {
  for (const { prefix = '', density, pool } of rules) {
    if (density === '' || pool === '')
      throw new TypeError(`barcode rule '${prefix}': density and pool are names`)
  }
  noTwins(
    'barcode rules',
    rules.map(({ prefix = '' }) => `prefix '${prefix}'`),
  )
  for (const { barcodeLength, characters } of volumeIds) {
    if (!Number.isInteger(barcodeLength) || barcodeLength < 1 || barcodeLength > mostBarcode)
      throw new TypeError(
        `a volume id rule is for barcodes of 1–${mostBarcode} characters, not ${barcodeLength}`,
      )
    const fits = (each: number | string): boolean =>
      typeof each === 'number'
        ? Number.isInteger(each) && each >= 1 && each <= barcodeLength
        : /^[A-Z0-9]$/.test(each)
    if (characters.length < 1 || characters.length > volumeIdLength || !characters.every(fits))
      throw new TypeError(
        `a volume id rule for barcodes of ${barcodeLength} characters has 1–${volumeIdLength} of: 1–${barcodeLength}, A–Z, '0'–'9'`,
      )
  }
  noTwins(
    'volume id rules',
    volumeIds.map(
      ({ barcodeLength, robot }) => `${barcodeLength} characters${robot === undefined ? '' : ` in ${robot}`}`,
    ),
  )
}

function noTwins(what: string, scopes: readonly string[]): void {
  const twin = scopes.find((scope, index) => scopes.indexOf(scope) !== index)
  if (twin !== undefined) throw new TypeError(`two ${what} are for ${twin}`)
}
