import assert from 'node:assert/strict'

/** The first answer that is one; fails when there is none in time. */
export async function until<Answer>(
  withinMs: number,
  what: string,
  ask: () => Promise<Answer | undefined>,
): Promise<Answer> {
  const before = Date.now() + withinMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    assert.ok(Date.now() < before, `${what}: not within ${withinMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
