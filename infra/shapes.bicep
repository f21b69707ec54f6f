import { Shape } from 'tidemark/types.bicep'

@description('A shape for trying things out: pays for what is used, scales to zero.')
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
    // A relay and a projection that have to start first take longer than a query waits otherwise.
    queryWait: 30000
    // A look every five seconds would keep an instance, and its price, all month.
    schedulePoll: 30
    // It would keep apps awake, and awake they cost.
    canaries: false
    publicHttp: true
  }
  storage: 'Standard_LRS'
  anchorDays: 1
  logDays: 30
  network: 'public'
  isLocked: false
}

@description('Like production in what it is made of and how it is closed off, small in all that costs.')
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

@description('Zone-redundant, always warm where a reader waits, closed to all networks but its own.')
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
    // A zone-redundant plan takes two at least.
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
@description('The shapes of an environment: TIDEMARK_SHAPE names the one that azd provisions.')
var shapes = { dev: dev, test: test, prod: prod }
