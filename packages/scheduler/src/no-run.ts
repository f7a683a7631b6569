import type { Policy, Schedule } from '@nb/contracts'
import { startsByItself } from './due.ts'

/** Why nothing of an active policy will start by itself, for the case that it has no next run; one reason a schedule. */
export function whyNothingStarts({ schedules }: Pick<Policy, 'schedules'>): string {
  if (schedules.length === 0) return 'the policy has no schedule'
  const own = schedules.filter(startsByItself)
  if (own.length === 0) return 'it has only schedules for users, which start when a user asks'
  return own.map((schedule) => `schedule ${schedule.name} ${whyNever(schedule)}`).join('; ')
}

function whyNever({ windows, calendar, exclude }: Schedule): string {
  if (windows.length === 0) return 'has no start window, so it runs only by hand'
  if (calendar !== undefined) return 'has no run day to come with an open start window'
  return exclude === undefined
    ? 'has no start window to come'
    : 'has no start window to come on a day that is not excluded'
}
