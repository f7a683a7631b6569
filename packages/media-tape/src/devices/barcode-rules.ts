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

/** What a barcode stands for. */
export interface BarcodeMeaning extends Required<Omit<BarcodeRule, 'prefix'>> {
  readonly volumeId: string
}

/** Cleaning cartridges have this prefix by the barcode convention of the field. */
const cleaningRule: BarcodeRule = { prefix: 'CLN', use: 'cleaning' }
const volumeIdLength = 6
/** Media type behind the volume's number, such as L8 or JD (LTO barcode label specification). */
const mediaType = /^([A-Z0-9]{6})[A-Z][A-Z0-9]$/

/**
 * What a barcode means by the rules. The volume id is the six characters before the media type, where the barcode is one of eight with
 * such; else its last six. `undefined` where that gives no id.
 */
export function meaningOf(barcode: string, rules: readonly BarcodeRule[]): BarcodeMeaning | undefined {
  const volumeId = mediaType.exec(barcode)?.[1] ?? barcode.slice(-volumeIdLength)
  if (!/^[A-Z0-9]{1,6}$/.test(volumeId)) return undefined
  const [rule = {}] = [cleaningRule, ...rules]
    .filter(({ prefix = '' }) => barcode.startsWith(prefix))
    .sort((a, b) => (b.prefix ?? '').length - (a.prefix ?? '').length)
  const { use = 'data', density = 'hcart', pool = 'NetBackup' } = rule
  return { volumeId, use, density, pool }
}
