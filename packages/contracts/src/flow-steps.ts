/** A step of a flow, as the published process flows number them. */
export interface StepDescription {
  readonly number: number
  readonly title: string
  /** The component whose line in the job's log tells of it. */
  readonly component: ComponentName
}

/** The components that write lines into job logs. */
export type ComponentName =
  | 'scheduler'
  | 'jobmanager'
  | 'job-store'
  | 'resource-broker'
  | 'emm'
  | 'catalog'
  | 'media-session'
  | 'media-writer'
  | 'media-reader'
  | 'media-disk'
  | 'media-tape'
  | 'client-agent'
  | 'restore'

const step = (number: number, component: ComponentName, title: string): StepDescription => ({
  number,
  component,
  title,
})

/** The backup flow. Step 11 runs beside 8–13; all else is in order. */
export const backupSteps: readonly StepDescription[] = [
  step(1, 'scheduler', 'the task is due and sends Job Start'),
  step(2, 'job-store', 'the job is recorded and queued'),
  step(3, 'jobmanager', 'resources are requested, with their limits'),
  step(4, 'resource-broker', 'physical resources are requested'),
  step(5, 'emm', 'resources are allocated, the job becomes active'),
  step(6, 'catalog', 'header and files file of the image are created'),
  step(7, 'jobmanager', 'a session is started on the media server'),
  step(8, 'media-session', 'reader and media process are started'),
  step(9, 'media-writer', 'the media process asks for its media and is granted it'),
  step(10, 'media-writer', 'the medium is mounted, the child is started'),
  step(11, 'media-session', 'file metadata flows into the catalog'),
  step(12, 'media-writer', 'data flows to the medium'),
  step(13, 'media-session', 'the session reports that all is written'),
  step(14, 'job-store', 'the session is ended, the job is done'),
  step(15, 'catalog', 'the image is verified, completed and browsable'),
  step(16, 'resource-broker', 'the resources are de-allocated'),
  step(17, 'scheduler', 'the task is told and has its next due time'),
]

/** The restore flow. Steps 5–16 repeat for each group of images on one medium. */
export const restoreSteps: readonly StepDescription[] = [
  step(1, 'restore', 'a restore request arrives'),
  step(2, 'restore', 'the catalog names the images that hold the files'),
  step(3, 'job-store', 'the job is registered'),
  step(4, 'restore', 'who manages the restore'),
  step(5, 'restore', 'a session is started on the media server'),
  step(6, 'media-session', 'child session and media process are started'),
  step(7, 'media-reader', 'the media process asks for its medium'),
  step(8, 'media-session', 'the extractor is started on the client'),
  step(9, 'jobmanager', 'the allocation is requested'),
  step(10, 'emm', 'resources are allocated'),
  step(11, 'resource-broker', 'the grant comes back'),
  step(12, 'media-reader', 'the medium is mounted'),
  step(13, 'media-reader', 'the medium is positioned, the child is started'),
  step(14, 'media-reader', 'data flows to the client'),
  step(15, 'media-session', 'all is restored, the medium unmounted'),
  step(16, 'resource-broker', 'the resources are de-allocated'),
  step(17, 'restore', 'the session has told its end, the restore ends'),
]
