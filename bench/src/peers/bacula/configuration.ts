/** What the configuration of a Bacula site depends on. */
export interface BaculaSiteOptions {
  /** Folder of all that is the site's: configuration, volumes, messages. */
  readonly folder: string
  /** What is backed up. */
  readonly source: string
  /** Folder of the catalog database's socket. */
  readonly databaseFolder: string
  readonly databaseUser: string
  /** Ports on 127.0.0.1. */
  readonly ports: { readonly director: number; readonly storage: number; readonly file: number }
}

/** The configuration file of each program of a site. */
export interface BaculaConfiguration {
  readonly director: string
  readonly storage: string
  readonly file: string
  readonly console: string
}

/** Password of a site that lives for one bench, on this host alone. */
const password = 'bench'

/**
 * A director, a storage daemon with one device on disk and a file daemon, all on this host. Attributes and ACLs are saved, since
 * ours are; the wire is not compressed; no digest is made (by the file daemon's default). A volume holds one job, as a file holds one archive of tar.
 */
export function baculaConfiguration(options: BaculaSiteOptions): BaculaConfiguration {
  const { folder, source, databaseFolder, databaseUser, ports } = options
  const daemon = `WorkingDirectory = "${folder}/work"
  Pid Directory = "${folder}/work"
  Maximum Concurrent Jobs = 20`
  const messages = `Messages {
  Name = all
  append = "${folder}/messages" = all, !skipped, !restored
}`
  const toDirector = 'director = director = all, !skipped, !restored'
  const director = `Director {
  Name = director
  DirPort = ${ports.director}
  DirAddress = 127.0.0.1
  QueryFile = "/dev/null"
  ${daemon}
  Password = "${password}"
  Messages = all
}
Catalog {
  Name = catalog
  dbname = bacula
  DB Address = "${databaseFolder}"
  dbuser = "${databaseUser}"
  dbpassword = ""
}
Client {
  Name = client
  Address = 127.0.0.1
  FDPort = ${ports.file}
  Catalog = catalog
  Password = "${password}"
}
Storage {
  Name = disk
  Address = 127.0.0.1
  SDPort = ${ports.storage}
  Password = "${password}"
  Device = disk
  Media Type = File
}
Pool {
  Name = pool
  Pool Type = Backup
  Label Format = "volume-"
  Maximum Volume Jobs = 1
  Recycle = no
}
FileSet {
  Name = source
  Include {
    Options {
      aclsupport = yes
      xattrsupport = yes
    }
    File = "${source}"
  }
}
Job {
  Name = bench
  Type = Backup
  Level = Full
  Client = client
  FileSet = source
  Storage = disk
  Pool = pool
  Messages = all
}
${messages}
`
  const storage = `Storage {
  Name = storage
  SDPort = ${ports.storage}
  SDAddress = 127.0.0.1
  ${daemon}
  CommCompression = no
}
Director {
  Name = director
  Password = "${password}"
}
Device {
  Name = disk
  Media Type = File
  Archive Device = "${folder}/volumes"
  LabelMedia = yes
  Random Access = yes
  AutomaticMount = yes
  RemovableMedia = no
  AlwaysOpen = no
}
Messages {
  Name = daemon
  ${toDirector}
}
`
  const file = `FileDaemon {
  Name = client
  FDPort = ${ports.file}
  FDAddress = 127.0.0.1
  ${daemon}
  CommCompression = no
}
Director {
  Name = director
  Password = "${password}"
}
Messages {
  Name = daemon
  ${toDirector}
}
`
  const console = `Director {
  Name = director
  DirPort = ${ports.director}
  Address = 127.0.0.1
  Password = "${password}"
}
`
  return { director, storage, file, console }
}
