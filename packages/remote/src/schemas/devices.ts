import type {
  Ejected,
  Injected,
  InjectReport,
  InventoryDifference,
  InventoryPlace,
  Labelled,
  LibraryPlace,
  NotInjected,
  RobotInventory,
} from '@nb/contracts'
import { z } from 'zod'
import { volume } from './media.ts'
import { closed, count, flag, list, maybe, oneOf, type Schema, text, variants } from './schema.ts'

const libraryPlace: Schema<LibraryPlace> = closed<LibraryPlace>({
  kind: oneOf<LibraryPlace['kind']>({ slot: true, drive: true, 'import-export': true }),
  number: count,
})

const inventoryPlace: Schema<InventoryPlace> = closed<InventoryPlace>({
  place: libraryPlace,
  drive: maybe(text),
  barcode: maybe(text),
  unlabelled: maybe(flag),
  from: maybe(libraryPlace),
  volumeId: maybe(text),
  expected: maybe(text),
})

type Difference<Kind extends InventoryDifference['kind']> = Extract<
  InventoryDifference,
  { readonly kind: Kind }
>

export const inventoryDifference: Schema<InventoryDifference> = variants<InventoryDifference, 'kind'>(
  'kind',
  {
    new: closed<Difference<'new'>>({ kind: z.literal('new'), volume }),
    moved: closed<Difference<'moved'>>({
      kind: z.literal('moved'),
      volumeId: text,
      from: maybe(count),
      to: maybe(count),
    }),
    gone: closed<Difference<'gone'>>({ kind: z.literal('gone'), volumeId: text, from: maybe(count) }),
    refused: closed<Difference<'refused'>>({
      kind: z.literal('refused'),
      barcode: maybe(text),
      place: text,
      why: text,
    }),
  },
)

export const robotInventory: Schema<RobotInventory> = closed<RobotInventory>({
  robot: text,
  places: list(inventoryPlace),
  differences: list(inventoryDifference),
})

export const injectReport: Schema<InjectReport> = closed<InjectReport>({
  injected: list(closed<Injected>({ barcode: text, volumeId: maybe(text), mailSlot: count, slot: count })),
  left: list(closed<NotInjected>({ mailSlot: count, barcode: maybe(text), why: text })),
  differences: list(inventoryDifference),
})

export const ejected: Schema<Ejected> = closed<Ejected>({ volumeId: text, robot: text, mailSlot: count })

export const labelled: Schema<Labelled> = closed<Labelled>({
  volumeId: text,
  drive: text,
  generation: text,
})
