import t from 'tap'
import { driveControl } from '../src/drive-control.ts'

t.test('the control of a drive follows from its state and its robot', async (t) => {
  const up = { name: 'tld0', state: 'up' } as const
  const down = { name: 'tld0', state: 'down' } as const
  const robotic = { robot: 'tld0' }
  for (const [drive, robot, control] of [
    [{ state: 'up', ...robotic }, up, 'TLD'],
    [{ state: 'up', ...robotic }, undefined, 'TLD'],
    [{ state: 'up', ...robotic }, down, 'AVR'],
    [{ state: 'up' }, undefined, 'AVR'],
    [{ state: 'operator', ...robotic }, up, 'OPR'],
    [{ state: 'operator' }, undefined, 'OPR'],
    [{ state: 'down', ...robotic }, up, 'DOWN-TLD'],
    [{ state: 'down', ...robotic }, down, 'DOWN-TLD'],
    [{ state: 'down' }, undefined, 'DOWN'],
  ] as const)
    t.equal(driveControl(drive, robot), control)
})
