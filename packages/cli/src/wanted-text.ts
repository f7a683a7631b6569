import type { WantedVolume } from '@nb/contracts'

/** What is wanted: `volume NBT003`, or `a volume of pool offsite`. */
export function wantedText({ volumeId, pool }: WantedVolume): string {
  return volumeId === undefined ? `a volume of pool ${pool}` : `volume ${volumeId}`
}

/** What a person can do about it, a line each. */
export function wantedSteps({ robot, volumeId }: WantedVolume, jobId: string): readonly string[] {
  const bring =
    robot === undefined
      ? []
      : [
          `put it into a mail slot, unless it lies in one, and run: nb robot inject ${robot}`,
          `or put it in through the door and run: nb robot inventory ${robot} --update`,
        ]
  const lacking = volumeId === undefined ? 'there is none' : 'it can not be found'
  return [...bring, `where ${lacking}: nb request deny ${jobId}`]
}
