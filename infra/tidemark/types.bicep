// The types of infra/topology.json, which npm run topology makes from the services' declarations, and of the
// differences between environments.

@export()
@description('A microservice: its app, and all that its identity may do.')
type Service = {
  @description('Also the name of its database and its own hub.')
  name: string
  @description('Whether it records events: only then it has a log, a hub and an archive.')
  hasLog: bool
  @description('The hubs that it receives from.')
  receivesFrom: string[]
  @description('The services whose archives it reads.')
  readsArchivesOf: string[]
  @description('Its functions without an HTTP trigger.')
  functions: {
    @description('Absent without a log.')
    relay: string?
    projections: string[]
    reactions: string[]
    periodic: string
  }
  @description('The lists that it serves.')
  lists: List[]
  @description('The services whose keys of personal data it may read, besides its own. Absent: none.')
  readsKeysOf: string[]?
}

@export()
@description('A list that a service serves.')
type List = {
  @description('The container that it reads.')
  container: string
  @description('The paths of its composite index, all descending: first the filters, then the sort key.')
  index: string[]
}

@export()
@description('A container of a database.')
type Container = {
  name: string
  @description('A path, such as /stream.')
  partitionKey: string
  @description('append: its service may create and read. replace: also replace, never delete. write: all of these.')
  access: 'append' | 'replace' | 'write'
  @description('The only indexed paths. Absent: all paths except the excluded ones.')
  indexedPaths: string[]?
  @description('Paths whose values are unique within a partition key. They cannot be changed later.')
  uniqueKeys: string[]?
  @description('Paths without an index.')
  excludedPaths: string[]?
  @description('Seconds; -1: only items with their own TTL expire. Absent: nothing ever expires.')
  defaultTtl: int?
}

@export()
@description('The database of a microservice.')
type Database = {
  name: string
  containers: Container[]
}

@export()
@description('A microservice\'s hub: consumer groups for its views, and for the services that follow it.')
type EventHub = {
  name: string
  @minValue(1)
  @maxValue(32)
  partitions: int
  retentionHours: int
  consumerGroups: string[]
}

@export()
@description('Always-ready instances, by function group. 0: an instance starts on demand.')
type AlwaysReady = {
  @description('For all HTTP functions of a service together.')
  http: int
  relay: int
  @description('For each projection.')
  projections: int
  @description('For each reaction.')
  reactions: int
}

@export()
@description('The differences between environments.')
type Shape = {
  cosmos: {
    @description('serverless: pay per request, one region. autoscale: up to the given throughput, a tenth at rest.')
    capacity: 'serverless' | 'autoscale'
    @description('The maximum RU/s of a service\'s log. Autoscale only.')
    logThroughput: int?
    @description('The maximum RU/s that a service\'s other containers share. Autoscale only.')
    sharedThroughput: int?
    zoneRedundant: bool
    @description('How far back point-in-time restore reaches.')
    backup: 'Continuous7Days' | 'Continuous30Days'
    @description('Failover regions, in order. Empty: none.')
    failoverLocations: string[]
  }
  eventHubs: {
    tier: 'Standard' | 'Premium'
    @description('The initial throughput units (Standard) or processing units (Premium): never reduced.')
    @minValue(1)
    capacity: int
    @description('The maximum throughput units of auto-inflate. Standard only. Equal to capacity: no auto-inflate.')
    @maxValue(40)
    maximumCapacity: int
    @description('Partitions of each hub, instead of the topology\'s. Fixed once a hub exists, except on Premium.')
    @minValue(1)
    @maxValue(32)
    partitions: int?
  }
  apps: {
    instanceMemoryMB: 512 | 2048 | 4096
    @minValue(40)
    @maxValue(1000)
    maximumInstances: int
    alwaysReady: AlwaysReady
    zoneRedundant: bool
    @description('Milliseconds that a query waits for its position: longer if views may have to start first.')
    queryWait: int
    @description('Seconds between two checks for due commands. In a service with a schedule each is an execution.')
    @minValue(1)
    @maxValue(59)
    schedulePoll: int
    @description('Whether services get a canary each minute, with an alert on silence. It keeps instances awake.')
    canaries: bool
    @description('Whether the apps answer HTTP from outside the virtual network, if there is one.')
    publicHttp: bool
  }
  @description('The SKU of all storage accounts.')
  storage: 'Standard_LRS' | 'Standard_ZRS' | 'Standard_GZRS'
  @description('Days for which nobody can change or remove a segment of an archive. 0: no such policy.')
  @minValue(0)
  anchorDays: int
  @description('Retention of logs in days.')
  @minValue(30)
  @maxValue(730)
  logDays: int
  @description('private: a virtual network, private endpoints for all resources, no public access to data.')
  network: 'public' | 'private'
  @description('Whether logs, archives and keys are locked against deletion. azd down fails until locks are removed.')
  isLocked: bool
}

@export()
@description('A resource\'s tags: names and values.')
type Tags = {
  *: string
}
