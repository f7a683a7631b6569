import type { StartWindow } from '@nb/contracts'
import type { DocumentReader, Place } from './document-reader.ts'
import type { FieldReader } from './field-reader.ts'
import { parseWeekdays, weekdaysForm } from './weekday-text.ts'
import { hoursForm, parseHours, parseWindow, windowForm } from './window-text.ts'

/** The windows of a schedule: a list of texts, or a map of weekdays to hours. */
export function readWindows(fields: FieldReader, place: Place, path: string): StartWindow[] | undefined {
  const reader = fields.document
  if (reader.kindOf(place) !== 'map') {
    const lists = fields.each(place, path, (each) =>
      lasting(reader, each, reader.parsed(each, windowForm, parseWindow)),
    )
    return lists?.flat()
  }
  const windows: StartWindow[] = []
  for (const [days, each] of reader.map(place) ?? []) {
    const weekdays = parseWeekdays(days)
    if (weekdays === undefined) reader.refuse(each, `must have ${weekdaysForm} as its key, not "${days}"`)
    const hours = reader.kindOf(each) === 'list' ? reader.list(each) : [each]
    for (const hour of hours ?? []) {
      const span = reader.parsed(hour, hoursForm, parseHours)
      const spans = (weekdays ?? []).flatMap((weekday) => (span === undefined ? [] : [{ weekday, ...span }]))
      windows.push(...(lasting(reader, hour, spans) ?? []))
    }
  }
  return windows
}

/** Windows of one place, which have one length. */
function lasting(
  reader: DocumentReader,
  place: Place,
  windows: readonly StartWindow[] | undefined,
): readonly StartWindow[] | undefined {
  const seconds = windows?.[0]?.durationSeconds
  if (seconds === undefined || (seconds >= 1 && seconds <= 7 * 86_400)) return windows
  const text = reader.text(place)
  return reader.refuse(place, `must be open for 1 second to 7 days, not "${text}"`)
}
