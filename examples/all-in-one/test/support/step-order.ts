import assert from 'node:assert/strict'
import { type JobLogLine, backupSteps, restoreSteps } from '@nb/contracts'

/**
 * Asserts the documented order of a job's steps: every step has a line of the component that acts in it, and the first
 * lines of the steps follow one another. Step 11 of a backup (metadata) runs beside 8 to 13.
 */
export function assertStepOrder(lines: readonly JobLogLine[], flow: 'backup' | 'restore'): void {
  const steps = flow === 'backup' ? backupSteps : restoreSteps
  const firsts = steps.map((step) => {
    const index = lines.findIndex(
      (line) =>
        line.step?.flow === flow && line.step.number === step.number && line.component === step.component,
    )
    assert.notEqual(index, -1, `${flow} step ${step.number} has no line of ${step.component}\n${show(lines)}`)
    return { number: step.number, index }
  })
  const first = (number: number): number => firsts[number - 1]?.index ?? -1
  const inOrder = firsts.filter(({ number }) => !(flow === 'backup' && number === 11))
  for (let at = 1; at < inOrder.length; at++) {
    const [before, after] = [inOrder[at - 1], inOrder[at]]
    assert.ok(
      before !== undefined && after !== undefined && before.index < after.index,
      `${flow} step ${after?.number} comes before ${before?.number}\n${show(lines)}`,
    )
  }
  if (flow === 'backup')
    assert.ok(first(8) < first(11) && first(11) < first(14), `step 11 runs beside 8 to 13\n${show(lines)}`)
}

function show(lines: readonly JobLogLine[]): string {
  return lines.map((line) => `${line.step?.number ?? '-'} ${line.component}: ${line.text}`).join('\n')
}
