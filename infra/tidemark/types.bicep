// What infra/topology.json holds (npm run topology makes it from the services' declarations), and what
// differs between environments.

@export()
@description('A microservice: an app of its own with an identity of its own, and all that this identity may do.')
type Service = {
  @description('Also the name of its database, and of the one hub that it sends to.')
  name: string
  @description('The hubs that it receives from.')
  receivesFrom: string[]
  @description('Its functions that run without being asked over HTTP.')
  functions: {
    relay: string
    projections: string[]
    reactions: string[]
    periodic: string
  }
  @description('The lists that it serves.')
  lists: List[]
}

@export()
@description('A list that a service serves.')
type List = {
  @description('The container that it is read from.')
  container: string
  @description('The paths of the composite index that it is read by, all of them descending: what it is filtered by, then what it is sorted by.')
  index: string[]
}

@export()
@description('A container of a database.')
type Container = {
  name: string
  @description('A path, such as /stream.')
  partitionKey: string
  @description('append: its service may create and read, never replace or delete. write: all of it.')
  access: 'append' | 'write'
  @description('The only paths that are indexed. Absent: all are, but those that are excluded.')
  indexedPaths: string[]?
  @description('Paths whose value no two items of a partition key may share. They cannot be changed later.')
  uniqueKeys: string[]?
  @description('Paths that are not indexed.')
  excludedPaths: string[]?
  @description('Seconds; -1: items expire only where they say so themselves. Absent: nothing ever expires.')
  defaultTtl: int?
}

@export()
@description('The database of a microservice.')
type Database = {
  name: string
  containers: Container[]
}

@export()
@description('The hub of a microservice, with a consumer group for its own views, and one for the reactions of each service that follows it.')
type EventHub = {
  name: string
  @minValue(1)
  @maxValue(32)
  partitions: int
  retentionHours: int
  consumerGroups: string[]
}

@export()
@description('Instances that are always there, by what they serve. 0: it starts when there is something to do.')
type AlwaysReady = {
  @description('All HTTP functions of a service together.')
  http: int
  relay: int
  @description('For each projection.')
  projections: int
  @description('For each reaction.')
  reactions: int
}

@export()
@description('What differs between environments.')
type Shape = {
  cosmos: {
    @description('serverless: pay for each request, one region. autoscale: the throughput that is set, a tenth of it at rest.')
    capacity: 'serverless' | 'autoscale'
    @description('The most RU/s of the log of a service. Autoscale alone.')
    logThroughput: int?
    @description('The most RU/s that all other containers of a service share. Autoscale alone.')
    sharedThroughput: int?
    zoneRedundant: bool
    @description('Point-in-time restore: how far back.')
    backup: 'Continuous7Days' | 'Continuous30Days'
    @description('Regions that can take over, in their order. Empty: none.')
    failoverLocations: string[]
  }
  eventHubs: {
    tier: 'Standard' | 'Premium'
    @description('Throughput units (Standard) or processing units (Premium) to begin with: a deployment takes none back.')
    @minValue(1)
    capacity: int
    @description('Throughput units that auto-inflate goes up to. Standard alone; as many as capacity: it does not.')
    @maxValue(40)
    maximumCapacity: int
    @description('Partitions of each hub, instead of those of the topology: fixed once a hub is created, outside Premium.')
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
    @description('Milliseconds that a query waits for the position it was asked for: longer where views may first have to start.')
    queryWait: int
    @description('Seconds between two looks for commands whose time has come. Each look of a service with process managers is an execution.')
    @minValue(1)
    @maxValue(59)
    schedulePoll: int
    @description('Whether every service is sent a canary each minute, and an alert tells of its silence. It keeps the instances on its way awake.')
    canaries: bool
    @description('Whether the apps answer HTTP from outside the virtual network, where there is one.')
    publicHttp: bool
  }
  @description('Of all storage accounts.')
  storage: 'Standard_LRS' | 'Standard_ZRS' | 'Standard_GZRS'
  @description('Days for which an anchor cannot be changed or removed.')
  @minValue(1)
  anchorDays: int
  @description('Days for which logs are kept.')
  @minValue(30)
  @maxValue(730)
  logDays: int
  @description('private: a virtual network, private endpoints for everything, no public access to any data.')
  network: 'public' | 'private'
  @description('Whether the logs and the anchors are locked against deletion: azd down fails until somebody takes the locks away.')
  isLocked: bool
}

@export()
@description('Tags of a resource: names and values.')
type Tags = {
  *: string
}
