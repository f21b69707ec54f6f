import { Shape } from 'tidemark/types.bicep'

@description('For trying things out: pay per use, scales to zero.')
var dev Shape = {
  cosmos: {
    capacity: 'serverless'
    zoneRedundant: false
    backup: 'Continuous7Days'
    failoverLocations: []
  }
  eventHubs: { tier: 'Standard', capacity: 1, maximumCapacity: 1 }
  apps: {
    instanceMemoryMB: 2048
    maximumInstances: 40
    alwaysReady: { http: 0, relay: 0, projections: 0, reactions: 0 }
    zoneRedundant: false
    // A relay and a projection that must start first take longer than a query usually waits.
    queryWait: 30000
    // A check every five seconds would keep an instance running, and billed, all month.
    schedulePoll: 30
    // Canaries keep apps awake, and awake apps cost money.
    canaries: false
    publicHttp: true
  }
  storage: 'Standard_LRS'
  // A trial environment must be deletable.
  anchorDays: 0
  logDays: 30
  network: 'public'
  isLocked: false
}

@description('The resources and network access of production, in small sizes.')
var test Shape = {
  cosmos: {
    capacity: 'autoscale'
    logThroughput: 1000
    sharedThroughput: 1000
    zoneRedundant: false
    backup: 'Continuous7Days'
    failoverLocations: []
  }
  eventHubs: { tier: 'Standard', capacity: 1, maximumCapacity: 4, partitions: 8 }
  apps: {
    instanceMemoryMB: 2048
    maximumInstances: 100
    alwaysReady: { http: 0, relay: 1, projections: 1, reactions: 0 }
    zoneRedundant: false
    queryWait: 10000
    schedulePoll: 5
    canaries: true
    publicHttp: true
  }
  storage: 'Standard_LRS'
  anchorDays: 1
  logDays: 30
  network: 'private'
  isLocked: false
}

@description('Zone-redundant, with always-ready instances, reachable only from its own network.')
var prod Shape = {
  cosmos: {
    capacity: 'autoscale'
    logThroughput: 10000
    sharedThroughput: 10000
    zoneRedundant: true
    backup: 'Continuous30Days'
    failoverLocations: []
  }
  eventHubs: { tier: 'Standard', capacity: 2, maximumCapacity: 40, partitions: 32 }
  apps: {
    instanceMemoryMB: 2048
    maximumInstances: 1000
    // A zone-redundant plan requires at least two.
    alwaysReady: { http: 2, relay: 2, projections: 2, reactions: 2 }
    zoneRedundant: true
    queryWait: 5000
    schedulePoll: 5
    canaries: true
    publicHttp: true
  }
  storage: 'Standard_ZRS'
  anchorDays: 2555
  logDays: 90
  network: 'private'
  isLocked: true
}

@export()
@description('The shapes of an environment. TIDEMARK_SHAPE names the one that azd provisions.')
var shapes = { dev: dev, test: test, prod: prod }
