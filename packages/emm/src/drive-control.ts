import type { Drive, DriveControl, Robot } from '@nb/contracts'

/**
 * How an administrator knows a drive. A drive outside robots, and one whose robot is down, is `AVR`: what is in it can be
 * used, nothing is brought to it. A robot that is not registered is up.
 */
export function driveControl(drive: Pick<Drive, 'state' | 'robot'>, robot: Robot | undefined): DriveControl {
  const robotic = drive.robot !== undefined
  switch (drive.state) {
    case 'down':
      return robotic ? 'DOWN-TLD' : 'DOWN'
    case 'operator':
      return 'OPR'
    case 'up':
      return robotic && robot?.state !== 'down' ? 'TLD' : 'AVR'
  }
}
