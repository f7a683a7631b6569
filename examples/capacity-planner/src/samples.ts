/** A site of a few dozen clients with one drive too few for its fulls. */
export const smallSite = `# A small site: 36 clients, one tape library, a disk for the servers that change most.
name: Small office
timeZone: Europe/Vienna

clients:
  - name: desk              # desk1 … desk30
    count: 30
    size: 80 GB - 400 GB    # a range: sizes spread evenly between the two
    change: 3 %/day
    read: 60 MB/s
    walk: 2 min
    variation: 20 %
  - name: file              # file1 … file4
    count: 4
    size: 4 TB - 9 TB
    change: 2 %/day
    read: 200 MB/s
    walk: 20 min
    outages: "sun 10:00-12:00"
  - name: db
    count: 2
    size: 2 TB
    change: 10 %/day
    read: 300 MB/s

mediaServers:
  - name: media1
    throughput: 1 GB/s

disks:
  - name: disk1
    mediaServer: media1
    write: 500 MB/s
    capacity: 40 TB
    jobs: 8

libraries:
  - name: tape1
    mediaServer: media1
    density: lto8
    drives: 2
    write: 250 MB/s
    mount: 90 s
    unmount: 60 s
    position: 40 s
    volumes: 60
    capacity: 12 TB
    multiplexing: 4

policies:
  - name: desks
    clients: desk*
    storage: tape1
    maxJobs: 8
    schedules:
      - { name: weekly, type: full, every: 7 days, window: "fri,sat 20:00-05:00", retention: 3, multiplexing: 4 }
      - { name: daily, type: differential, every: 1 day, window: "mon-thu 20:00-04:00", retention: 1, multiplexing: 4 }
  - name: files
    clients: file*
    storage: tape1
    priority: 10
    schedules:
      - { name: weekly, type: full, every: 7 days, window: "fri 20:00-02:00", retention: 3 }
      - { name: daily, type: cumulative, every: 1 day, window: "20:00-04:00", retention: 1 }
  - name: databases
    clients: db*
    storage: disk1
    priority: 100
    schedules:
      - { name: daily, type: full, every: 1 day, window: "22:00-02:00", retention: 0 }

failures:
  clientUnreachable: 1 %
  mediaErrors: 0.2 %
  driveDownsPerMonth: 0.5
  driveRepair: 8 h
`

/** A site of 5,000 clients: daily incrementals, weekly fulls spread over the week, eight media servers. */
export function largeSite(): string {
  const servers = [1, 2, 3, 4, 5, 6, 7, 8]
  const lines = servers.map((number) => `  - { name: media${number}, throughput: 2500 MB/s, jobs: 120 }`)
  const disks = servers.map(
    (number) =>
      `  - { name: disk${number}, mediaServer: media${number}, write: 2 GB/s, capacity: 900 TB, jobs: 100 }`,
  )
  const libraries = [1, 2, 3, 4].map(
    (number) =>
      `  - { name: tape${number}, mediaServer: media${number}, density: lto9, drives: 8, write: 350 MB/s, mount: 90 s, unmount: 60 s, position: 40 s, volumes: 600, capacity: 18 TB, multiplexing: 8 }`,
  )
  return `# A large site: 5,000 clients, eight media servers, four libraries of eight drives.
name: Large site
timeZone: Europe/Vienna

clients:
  - { name: server, count: 3500, size: 40 GB - 600 GB, change: 2 %/day, read: 110 MB/s, variation: 25 % }
  - { name: desk, count: 1400, size: 20 GB - 200 GB, change: 3 %/day, read: 60 MB/s, variation: 25 % }
  - { name: db, count: 100, size: 500 GB - 6 TB, change: 8 %/day, read: 400 MB/s }

mediaServers:
${lines.join('\n')}

disks:
${disks.join('\n')}

libraries:
${libraries.join('\n')}

groups:
  - { name: disks, members: [${servers.map((number) => `disk${number}`).join(', ')}], selection: round-robin }
  - { name: tapes, members: [tape1, tape2, tape3, tape4], selection: round-robin }

policies:
  # split: as many policies, each with its part of the clients and its own day of the fulls.
  - name: servers
    clients: server*
    storage: disks
    split: 28
    schedules:
      - { name: weekly, type: full, every: 7 days, window: "20:00-06:00", retention: 1 }
      - { name: daily, type: differential, every: 1 day, window: "20:00-06:00", retention: 0 }
  - name: desks
    clients: desk*
    storage: disks
    split: 14
    schedules:
      - { name: weekly, type: full, every: 7 days, window: "20:00-06:00", retention: 1 }
      - { name: daily, type: differential, every: 1 day, window: "20:00-06:00", retention: 0 }
  - name: databases
    clients: db*
    storage: tapes
    priority: 100
    split: 7
    schedules:
      - { name: weekly, type: full, every: 7 days, window: "20:00-06:00", retention: 1, multiplexing: 2 }
      - { name: daily, type: differential, every: 1 day, window: "20:00-02:00", retention: 1, multiplexing: 8 }

failures:
  clientUnreachable: 0.5 %
  mediaErrors: 0.05 %
  driveDownsPerMonth: 0.3
  driveRepair: 6 h
`
}
