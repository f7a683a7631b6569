/** One of the field's ending-status numbers, told in our own words. */
export interface StatusCode {
  /** What happened. */
  readonly meaning: string
  /** What the person who reads it can do. */
  readonly remedy: string
}

const retryLater =
  'A backup with tries left is tried again by itself; start a restore again. If it stays, read the job log for the first error.'

/**
 * The status codes this system can end a job or answer a call with. Numbers are the field's; an administrator
 * finds the ones they know. 0 and 1 are successes, 1 with warnings in the job log. The 2000s tell why a job waits
 * or was denied.
 */
export const statusCodes: Readonly<Record<number, StatusCode>> = {
  0: { meaning: 'everything requested was done', remedy: 'Nothing to do.' },
  1: {
    meaning: 'done, but some items were skipped or changed while they were read',
    remedy:
      'Read the warnings in the job log: what is named there is not, or not consistently, where it should be.',
  },
  2: {
    meaning: 'nothing that was requested could be backed up',
    remedy: 'Check the backup selections of the policy and the rights of the client agent.',
  },
  3: {
    meaning: 'the archive is saved, but not all that it saved was removed from the client',
    remedy:
      'The job log names what was kept and why (where a copy is missing: everything); remove it by hand, or archive again.',
  },
  4: {
    meaning: 'the archive is saved, but removing it from the client failed',
    remedy: 'Nothing is lost: the image can be restored. Read the job log, then archive again.',
  },
  5: {
    meaning: 'the restore brought back nothing, or not all, of what was asked',
    remedy: 'Read the job log for the items that failed, then restore those again.',
  },
  10: {
    meaning: 'memory could not be had',
    remedy: 'Free memory on the host, or lower the number of parallel jobs.',
  },
  11: { meaning: 'an operating system call failed', remedy: 'The job log names the call and its error.' },
  12: {
    meaning: 'a file could not be opened',
    remedy: 'Check existence and rights of the file the message names.',
  },
  13: { meaning: 'a file could not be read', remedy: 'Check the disk under the file the message names.' },
  14: {
    meaning: 'a file could not be written',
    remedy: 'Check rights and free space where the message points.',
  },
  20: {
    meaning: 'an argument is wrong or missing',
    remedy: 'The message names the field and what is allowed.',
  },
  23: { meaning: 'the data connection broke while reading', remedy: retryLater },
  24: { meaning: 'the data connection broke while writing', remedy: retryLater },
  25: {
    meaning: 'no connection to the service',
    remedy: 'Start the server, or check the address or socket path given.',
  },
  40: { meaning: 'the network connection was dropped', remedy: retryLater },
  41: {
    meaning: 'the other side did not answer in time',
    remedy: 'Check its load and the network; raise the timeout if both are fine.',
  },
  43: {
    meaning: 'a message arrived that does not fit here',
    remedy: 'Both sides must run compatible versions.',
  },
  46: {
    meaning: 'this server or caller is not allowed',
    remedy:
      'Ask the administrator for the role that is needed; where a certificate or enrolment token is refused, for a new token to enrol with.',
  },
  48: { meaning: 'the client name is not known', remedy: 'Use a client that is configured, or add it.' },
  49: { meaning: 'the client process did not start', remedy: 'Look at the client agent on that host.' },
  50: { meaning: 'the client process ended before its work was done', remedy: retryLater },
  58: {
    meaning: 'the client cannot be reached',
    remedy: 'Check that its agent runs and the network between.',
  },
  63: {
    meaning: 'the process that ran the job was killed',
    remedy:
      'A backup with tries left is tried again by itself; start any other job again. For a restore into a directory that was empty, --if-exists skip brings only what is missing (after lost power: overwrite).',
  },
  69: {
    meaning: 'the list of files is not valid',
    remedy: 'The message names the entry and what is wrong with it.',
  },
  71: {
    meaning: 'none of the paths in the backup selections exist',
    remedy: 'Correct the selections, or make the path; at least one must exist on the client.',
  },
  73: { meaning: 'the start notification script failed', remedy: 'Run the script by hand and mend it.' },
  74: { meaning: 'the start notification script timed out', remedy: 'Make it faster, or raise its timeout.' },
  75: { meaning: 'the end notification script timed out', remedy: 'Make it faster, or raise its timeout.' },
  76: {
    meaning: 'the client did not send data in time',
    remedy: 'Check the client for a hanging file system; raise the timeout.',
  },
  77: {
    meaning: 'a script of the user ended with an error',
    remedy: 'The job log has its output; run it by hand and mend it.',
  },
  82: { meaning: 'the media process was ended', remedy: retryLater },
  83: {
    meaning: 'the medium could not be opened',
    remedy:
      'Check the storage unit, its path and its rights, or which cartridge is behind the barcode of a volume that the message names; where it names a missing key, add that to the key file of the media server.',
  },
  84: { meaning: 'writing to the medium failed', remedy: 'Check the device or disk named in the job log.' },
  85: {
    meaning: 'reading from the medium failed',
    remedy:
      'The medium is damaged where the message points; restore from another copy or an earlier image. Undamaged files can still be restored by naming them.',
  },
  86: { meaning: 'the medium could not be positioned', remedy: 'Check the device; verify the image.' },
  87: {
    meaning: 'the medium could not be closed',
    remedy: 'The last data may not be durable; the image was not kept.',
  },
  90: {
    meaning: 'no data for the image reached the media process',
    remedy: 'Check the client log; the selection may be empty.',
  },
  91: {
    meaning: 'the media database cannot be used',
    remedy: 'Check the state directory; restore the store from its backup.',
  },
  92: {
    meaning: 'the stored data is not the archive it should be',
    remedy: 'Verify the image; use another copy.',
  },
  93: {
    meaning: 'another volume than expected was in the drive',
    remedy: 'Run an inventory of the library.',
  },
  94: {
    meaning: 'the image is not where it should be on the medium',
    remedy: 'Verify the image; use another copy.',
  },
  96: {
    meaning: 'no usable volume for the storage unit',
    remedy: 'Add volumes to the pool or the scratch pool.',
  },
  129: {
    meaning: 'the disk storage unit is full',
    remedy: 'Expire images, add space, or choose another storage unit.',
  },
  130: { meaning: 'an internal error', remedy: 'Please report it with the job log.' },
  134: { meaning: 'the resources are busy; the job is queued again', remedy: 'Nothing to do.' },
  142: {
    meaning: 'the file does not exist in the backup',
    remedy: 'List the backed-up files and correct the path or the date.',
  },
  145: {
    meaning: 'it is already running',
    remedy: 'Use the running one, or stop it first; the message names the process that holds the store.',
  },
  147: {
    meaning: 'the requested copy was not found',
    remedy: 'List the image’s copies and choose one of them.',
  },
  150: {
    meaning: 'an administrator cancelled the job',
    remedy: 'Start it again if it was cancelled by mistake.',
  },
  152: { meaning: 'a required value is missing', remedy: 'The message names the field.' },
  154: {
    meaning: 'the storage unit does not fit the request',
    remedy: 'Choose a storage unit of the right type in the policy.',
  },
  155: { meaning: 'the disk is full', remedy: 'Free space where the message points and try again.' },
  157: {
    meaning: 'suspended by an administrator',
    remedy: 'Resume the job; it goes on from its last checkpoint.',
  },
  163: {
    meaning: 'the backup could not go on from its checkpoint',
    remedy: 'It starts afresh by itself; see the job log for what was missing.',
  },
  165: {
    meaning: 'the image has no fragments for that copy',
    remedy:
      'Use another copy: nb copies lists where they are, nb copies --promote-on UNIT makes those on another storage unit the ones that are read; or an earlier image.',
  },
  167: { meaning: 'the volume pool is unknown', remedy: 'Create the pool, or correct the policy.' },
  174: { meaning: 'the media process failed inside', remedy: 'Please report it with the job log.' },
  175: {
    meaning: 'some of the requested files were not restored',
    remedy: 'Read the job log; restore the files named there again.',
  },
  190: {
    meaning: 'nothing in the catalog matches',
    remedy: 'Widen the dates, or check client and policy names.',
  },
  191: {
    meaning: 'no image could be processed',
    remedy: 'The job log names image and cause: use another copy, or another image.',
  },
  194: {
    meaning: 'the limit of jobs for the client or policy is 0, so none can ever run',
    remedy: 'Raise the limit above 0.',
  },
  195: { meaning: 'the backup was not attempted', remedy: 'See the reason in the job log.' },
  196: {
    meaning: 'the window closed before the job could start',
    remedy: 'Widen the window, or add resources; ask why it waited.',
  },
  197: {
    meaning: 'the schedule is not in the policy',
    remedy: 'List the policy and use one of its schedules.',
  },
  198: {
    meaning: 'no active policy of the client has a schedule of that type',
    remedy: 'Add a user schedule to a policy of the client, or activate one.',
  },
  199: {
    meaning: 'the schedule’s window is not open now',
    remedy: 'Wait for the window, or run it by hand.',
  },
  200: { meaning: 'nothing is due', remedy: 'Nothing to do.' },
  213: { meaning: 'no storage unit can be used', remedy: 'Bring a storage unit up, or correct the policy.' },
  217: {
    meaning: 'the storage unit configuration cannot be read',
    remedy: 'Check the store of the media manager.',
  },
  219: { meaning: 'the storage unit the job needs is not available', remedy: 'Configure it or bring it up.' },
  220: { meaning: 'the database could not do it', remedy: 'Check disk space and the state directory.' },
  223: { meaning: 'an entry is not valid', remedy: 'The message names the field and what is allowed.' },
  226: {
    meaning: 'an entry of that name exists',
    remedy: 'Choose another name, or change the existing entry.',
  },
  227: { meaning: 'no such entry', remedy: 'List what there is and correct the name.' },
  228: {
    meaning: 'the request cannot be done in the present state',
    remedy: 'The message names the state and what must come first.',
  },
  229: {
    meaning: 'the image’s parts do not fit together',
    remedy:
      'A backup: its image was not kept, run it again; if it names a damaged reference image, the next run no longer uses it. ' +
      'Else: nb catalog check tells what is damaged, and nb import UNIT IMAGE makes it again from its medium.',
  },
  230: { meaning: 'the policy is unknown', remedy: 'List the policies and correct the name.' },
  239: {
    meaning: 'the client is not in the policy',
    remedy: 'Add the client to the policy, or correct the name.',
  },
  240: { meaning: 'no such schedule in the policy', remedy: 'List the policy and use one of its schedules.' },
  247: { meaning: 'the policy is not active', remedy: 'Activate it first.' },
  800: { meaning: 'the request for resources failed', remedy: 'The message names what could not be had.' },
  801: { meaning: 'the job manager failed inside', remedy: 'Please report it with the job log.' },
  803: {
    meaning: 'the job manager is ending',
    remedy: 'When the server is back, a scheduled backup is due again; start anything else again.',
  },
  805: { meaning: 'there is no job of that number', remedy: 'List the jobs; old ones are purged.' },
  811: { meaning: 'the media server could not be told', remedy: 'Check that it runs and can be reached.' },
  813: { meaning: 'the reference is used already', remedy: 'Use a new request id for a new request.' },
  830: { meaning: 'all drives that could do it are down', remedy: 'Bring a drive up.' },
  900: { meaning: 'the resource request should be sent again', remedy: 'Nothing to do.' },
  901: { meaning: 'the resource broker failed inside', remedy: 'Please report it with the job log.' },
  906: {
    meaning: 'an operator has denied the request for a volume',
    remedy: 'Find the volume, or use another copy of the image; then ask for it again.',
  },
  907: { meaning: 'the resource request was cancelled', remedy: 'Nothing to do.' },
  914: {
    meaning: 'the reservation or lease does not exist any more',
    remedy:
      'The holder was silent too long or the server was restarted. A backup with tries left is tried again by itself; start a restore again.',
  },
  916: {
    meaning: 'the resource request timed out',
    remedy: 'Ask why jobs wait; add resources or raise the timeout.',
  },
  2000: {
    meaning: 'no volume can be used now',
    remedy: 'Add volumes to the pool or the scratch pool, or move some: nb volume pool POOL VOLUME.',
  },
  2001: { meaning: 'no drive is free for the job', remedy: 'Wait for a drive, or bring one up.' },
  2002: {
    meaning: 'the storage unit’s type cannot be used here',
    remedy: 'Correct the policy or the storage unit.',
  },
  2012: { meaning: 'media facts contradict one another', remedy: 'Run an inventory; see the message.' },
  2020: { meaning: 'the robot is down', remedy: 'Bring the robot up; what is in its drives stays usable.' },
  2027: { meaning: 'the media server is not active', remedy: 'Start it or bring it up.' },
  2029: {
    meaning: 'the media database is inconsistent',
    remedy: 'Run the reconcile command; it tells what differs.',
  },
  2030: { meaning: 'the disk is above its high water mark', remedy: 'Expire images or add space.' },
  2031: {
    meaning: 'the volume is not known to the media manager',
    remedy: 'Run an inventory of the library, or import the volume.',
  },
  2032: { meaning: 'the volume is in use', remedy: 'Wait for the job that holds it.' },
  2037: {
    meaning: 'the drive is not ready: no volume is loaded in it',
    remedy: 'Load a volume; if one is in it, look at the drive.',
  },
  2040: {
    meaning: 'the storage unit’s or policy’s limit of concurrent jobs is reached',
    remedy: 'Wait for one of the jobs named, or raise the limit.',
  },
  2041: { meaning: 'the storage unit is down', remedy: 'Bring it up.' },
  2042: {
    meaning: 'the volume’s density does not fit the storage unit',
    remedy: 'Read it on a storage unit with drives of its density.',
  },
  2043: {
    meaning: 'there is no volume in the slot or drive',
    remedy: 'Run an inventory of the library; the volume may have been moved by hand.',
  },
  2045: {
    meaning: 'the storage unit’s limit of jobs is below one, so it is disabled',
    remedy: 'Raise the limit.',
  },
  2054: {
    meaning: 'the volume sits in a drive that is down',
    remedy: 'Bring the drive up, or take the volume out of it.',
  },
  2062: {
    meaning: 'the media server moves data for as many jobs as it may',
    remedy: 'Wait for one of them, or raise the limit of the media server.',
  },
  2073: {
    meaning: 'the disk pool or path is not available',
    remedy: 'Mount the disk; check the path of the storage unit.',
  },
  2087: {
    meaning: 'the pool has as many partly full volumes as it may',
    remedy: 'Wait for one of them to be free, or raise the limit of the pool.',
  },
  2097: { meaning: 'the storage unit group is unknown', remedy: 'Create it, or correct the policy.' },
  2100: {
    meaning: 'the volume has been mounted as often as it may',
    remedy: 'Its images can still be read; add volumes for new ones.',
  },
  2101: { meaning: 'the media server is unknown', remedy: 'Register it, or correct the storage unit.' },
  2104: { meaning: 'none of the storage units of the group is available', remedy: 'Bring one up.' },
  2111: {
    meaning: 'every storage unit is used on demand only',
    remedy: 'Name a storage unit in the policy, or let one be used by any.',
  },
  2800: {
    meaning: 'the restore failed',
    remedy: 'Read the job log for the first error; nothing half-written was left.',
  },
  2826: {
    meaning: 'the media server could not be reached for the restore',
    remedy: 'Start it, or restore from a copy on another.',
  },
}

/** `STATUS: meaning`, as job lists and messages show it. Unknown numbers say so. */
export function describeStatus(status: number): string {
  return `${status}: ${statusCodes[status]?.meaning ?? 'a status this version does not know'}`
}
