import assert from 'node:assert/strict'
import { type ScsiTransportFixture, createVirtualClock, scsiTransportSuite } from '@nb/test-kit'
import t from 'tap'
import { createIscsiTransport, type IscsiSessionOptions } from '../../src/index.ts'
import { ScriptedTarget } from './scripted-target.ts'
import type { ScriptedTargetOptions } from './target-connection.ts'

async function setup(
  behaviour: ScriptedTargetOptions,
  options: Partial<IscsiSessionOptions>,
): Promise<ScsiTransportFixture & { target: ScriptedTarget }> {
  const target = await ScriptedTarget.start(behaviour)
  const clock = createVirtualClock()
  const transport = createIscsiTransport(
    { clock },
    {
      portal: { host: '127.0.0.1', port: target.port },
      target: target.name,
      lun: 1,
      initiatorName: 'iqn.2026-11.example.test:me',
      queueDepth: 8,
      ...options,
    },
  )
  return {
    target,
    transport,
    clock,
    hold: async () => {
      target.held = true
      return async () => target.release()
    },
    breakConnection: async () => target.break(),
  }
}

const variants: readonly (readonly [string, ScriptedTargetOptions, Partial<IscsiSessionOptions>])[] = [
  ['as most are', {}, {}],
  [
    'with digests, R2T for all data, and statuses of their own',
    { digests: true, collapse: false, answers: { InitialR2T: 'Yes', ImmediateData: 'No' } },
    { headerDigest: 'required', dataDigest: 'required' },
  ],
  [
    'that takes few commands at once, with unsolicited data alone',
    { window: 3, answers: { ImmediateData: 'No', FirstBurstLength: '40000' } },
    {},
  ],
]

for (const [name, behaviour, options] of variants)
  t.test(`a transport to a target ${name}`, async (t) => {
    scsiTransportSuite(t, {
      setup: () => setup(behaviour, options),
      teardown: async ({ transport, ...fixture }) => {
        await transport.close()
        const { target } = fixture as Awaited<ReturnType<typeof setup>>
        await target.stop()
        assert.deepEqual(target.violations, [])
      },
    })
  })
