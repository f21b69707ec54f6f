// What someone is told of, and who. An alert is an entry of one of two tables: on a metric, or on a query of
// the logs. Each names its runbook, `alert-<name>` in docs/operate.md.

import { Tags } from '../types.bicep'

@export()
@description('How bad it is. 0: critical, 1: error, users are without something; 2: warning, they will be; 3: worth knowing.')
type Severity = 0 | 1 | 2 | 3

@export()
@description('An alert on metrics of one resource: it fires where all of its criteria hold, for a value of the dimensions at a time.')
type MetricAlert = {
  @description('Also the anchor of its runbook.')
  name: string
  @description('What tells it from others of its name.')
  only: string?
  @description('What has happened, in a sentence.')
  says: string
  severity: Severity
  on: 'applicationInsights' | 'cosmos' | 'eventHubs'
  @description('The time that is looked back over, as a duration of ISO 8601.')
  window: 'PT5M' | 'PT15M' | 'PT30M' | 'PT1H' | 'PT6H' | 'PT12H' | 'P1D'
  @description('How often it is looked.')
  every: 'PT1M' | 'PT5M' | 'PT15M' | 'PT30M' | 'PT1H'
  all: Criterion[]
}

@export()
@description('A metric and the values that it should not have.')
type Criterion = {
  metric: string
  @description('Absent: it is one of the resource\'s own. Otherwise a namespace that need not exist yet, such as that of the app\'s own metrics.')
  namespace: string?
  of: 'Average' | 'Count' | 'Maximum' | 'Minimum' | 'Total'
  is: 'GreaterThan' | 'GreaterThanOrEqual' | 'LessThan' | 'LessThanOrEqual'
  threshold: int
  dimensions: { name: string, operator: 'Include' | 'Exclude', values: string[] }[]
}

@export()
@description('An alert on rows of the Log Analytics workspace: it fires where what a column comes to is above the threshold, for a value of the dimensions at a time.')
type LogAlert = {
  @description('Also the anchor of its runbook.')
  name: string
  @description('What has happened, in a sentence.')
  says: string
  severity: Severity
  @description('The time that is looked back over, as a duration of ISO 8601.')
  window: 'PT15M' | 'PT30M' | 'PT1H' | 'PT6H' | 'P1D' | 'P2D'
  @description('How often it is looked.')
  every: 'PT5M' | 'PT15M' | 'PT30M' | 'PT1H' | 'PT6H' | 'P1D'
  @description('The rows. Azure itself sums them up over the window: a query that has done so leaves it no time to tell windows apart by.')
  query: string
  @description('The column that is held against the threshold.')
  column: string
  @description('What its values come to.')
  of: 'Maximum' | 'Total'
  threshold: int
  @description('Columns whose values are told apart.')
  dimensions: string[]
}

@description('The region of log alerts.')
param location string

@description('Tags of everything.')
param tags Tags

@description('The name of the action group.')
param name string

@description('Where alerts are sent. Empty: they are shown in the portal alone.')
param email string

@description('The names of the hubs.')
param hubs string[]

@description('The services that are sent canaries.')
param canaries string[]

@description('The name of the Event Hubs namespace.')
param namespaceName string

@description('The name of the Cosmos DB account.')
param accountName string

@description('The name of Application Insights.')
param applicationInsightsName string

@description('The resource id of the Log Analytics workspace.')
param workspaceId string

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' existing = {
  name: namespaceName
}

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-10-15' existing = {
  name: accountName
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

var targets = {
  applicationInsights: { id: applicationInsights.id, namespace: applicationInsights.type }
  cosmos: { id: account.id, namespace: account.type }
  eventHubs: { id: namespace.id, namespace: namespace.type }
}

var each = ['*']
// What the services answer to a caller who is wrong, the platform's own answers among them: not a failure of
// a function.
var callersFaults = ['400', '401', '403', '404', '405', '409', '412', '413', '415', '422', '429']
// 70 % of the 20 GB that a logical partition takes, in KB: a stream that grows by a GB a week leaves six weeks.
var largestPartition = 7 * 20 * 1024 * 1024 / 10

var metricAlerts MetricAlert[] = concat(
  [
    {
      name: 'cosmos-throttled'
      says: 'Requests to Cosmos DB are refused for want of throughput, more than retries hide.'
      severity: 2
      on: 'cosmos'
      // Refusals of a moment are retried and belong to a container that is well used; these last.
      window: 'PT15M'
      every: 'PT5M'
      all: [
        {
          metric: 'TotalRequests'
          of: 'Count'
          is: 'GreaterThan'
          threshold: 500
          dimensions: [
            { name: 'StatusCode', operator: 'Include', values: ['429'] }
            { name: 'DatabaseName', operator: 'Include', values: each }
          ]
        }
      ]
    }
    {
      name: 'cosmos-ru-high'
      says: 'A container of Cosmos DB uses nearly all of its throughput: the next peak is refused.'
      severity: 3
      on: 'cosmos'
      window: 'PT30M'
      every: 'PT5M'
      all: [
        {
          metric: 'NormalizedRUConsumption'
          of: 'Average'
          is: 'GreaterThan'
          threshold: 80
          dimensions: [
            { name: 'DatabaseName', operator: 'Include', values: each }
            { name: 'CollectionName', operator: 'Include', values: each }
          ]
        }
      ]
    }
    {
      name: 'eventhubs-throttled'
      says: 'Event Hubs refuses requests for want of throughput units: events are published and read late.'
      severity: 2
      on: 'eventHubs'
      // Auto-inflate adds units within a minute or so, and a few refusals are how it learns of the need: these last.
      window: 'PT15M'
      every: 'PT5M'
      all: [
        {
          metric: 'ThrottledRequests'
          of: 'Total'
          is: 'GreaterThan'
          threshold: 100
          dimensions: [{ name: 'EntityName', operator: 'Include', values: each }]
        }
      ]
    }
    {
      name: 'functions-failing'
      says: 'Functions fail: commands with a fault of ours, or events that are tried again and hold up those behind them.'
      severity: 1
      on: 'applicationInsights'
      // A batch that is held is tried again every 30 s: ten times at the most in this window, and the alert
      // must not end while it is held.
      window: 'PT5M'
      every: 'PT1M'
      all: [
        {
          metric: 'requests/failed'
          of: 'Count'
          is: 'GreaterThan'
          threshold: 5
          dimensions: [
            { name: 'cloud/roleName', operator: 'Include', values: each }
            { name: 'request/resultCode', operator: 'Exclude', values: callersFaults }
          ]
        }
      ]
    }
  ],
  // One for each hub: where there is more than one criterion, a dimension has one value.
  map(hubs, hub => {
    name: 'events-not-consumed'
    only: hub
    says: 'Events come into the hub ${hub}, and nobody reads any: views and reactions stand still.'
    severity: 1
    on: 'eventHubs'
    // Longer than consumers need that have to start first.
    window: 'PT15M'
    every: 'PT5M'
    all: [
      {
        metric: 'IncomingMessages'
        of: 'Total'
        is: 'GreaterThan'
        threshold: 0
        dimensions: [{ name: 'EntityName', operator: 'Include', values: [hub] }]
      }
      {
        metric: 'OutgoingMessages'
        of: 'Total'
        is: 'LessThan'
        threshold: 1
        dimensions: [{ name: 'EntityName', operator: 'Include', values: [hub] }]
      }
    ]
  })
)

// https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-log-query
var logAlerts LogAlert[] = concat(
  [
    {
      name: 'stream-too-large'
      says: 'A stream, or another logical partition, nears the 20 GB that one can hold: past them nothing more can be appended to it.'
      severity: 2
      window: 'P1D'
      every: 'PT6H'
      query: 'CDBPartitionKeyStatistics'
      column: 'SizeKb'
      of: 'Maximum'
      threshold: largestPartition
      dimensions: ['DatabaseName', 'CollectionName', 'PartitionKey']
    }
    {
      // What consumers say once for each loss, whatever the level: packages/tidemark/runtime/follow.ts.
      name: 'events-missing'
      says: 'A consumer misses events that its hub no longer has, or that a hub which was made anew never had: their owner is to publish them again.'
      severity: 1
      window: 'PT15M'
      every: 'PT5M'
      query: 'AppTraces | where Message has "events-missing"'
      column: 'ItemCount'
      of: 'Total'
      threshold: 0
      dimensions: ['AppRoleName']
    }
    {
      // What is parked holds nothing, so no function fails: this line alone says it, once for each stream and
      // message: packages/tidemark/runtime/parking.ts.
      name: 'events-parked'
      says: 'A view, a reaction or a relay cannot process an event: its stream waits, all else goes on. The line names it and its reason.'
      severity: 2
      window: 'PT15M'
      every: 'PT5M'
      query: 'AppTraces | where Message has "npm run parked"'
      column: 'ItemCount'
      of: 'Total'
      threshold: 0
      dimensions: ['AppRoleName']
    }
  ],
  // Nothing is written where nothing runs: a row for each service that was not heard of.
  empty(canaries)
    ? []
    : [
        {
          // What a service says of each canary that was seen: packages/tidemark/runtime/canary.ts.
          name: 'canary-silent'
          says: 'A service has not seen a canary for 15 minutes: commands do not come through to its views, or its timer does not run.'
          severity: 1
          window: 'PT15M'
          every: 'PT5M'
          query: 'datatable(Service: string) [${join(map(canaries, service => '"${service}"'), ', ')}] | join kind=leftanti (AppTraces | where Message has "canary of" and Message has "was seen after" | extend Service = extract("canary of ([a-z0-9-]+) was seen after", 1, Message)) on Service | extend TimeGenerated = now(), Silent = 1'
          column: 'Silent'
          of: 'Total'
          threshold: 0
          dimensions: ['Service']
        }
      ]
)

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: name
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'tidemark'
    enabled: true
    emailReceivers: empty(email) ? [] : [{ name: 'operators', emailAddress: email, useCommonAlertSchema: true }]
  }
}

resource onMetrics 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for alert in metricAlerts: {
    name: join(filter([alert.name, alert.?only ?? ''], part => !empty(part)), '-')
    location: 'global'
    tags: tags
    properties: {
      description: '${alert.says} docs/operate.md#alert-${alert.name}'
      severity: alert.severity
      enabled: true
      autoMitigate: true
      scopes: [targets[alert.on].id]
      windowSize: alert.window
      evaluationFrequency: alert.every
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: map(alert.all, criterion => {
          criterionType: 'StaticThresholdCriterion'
          name: replace(criterion.metric, '/', '-')
          metricName: criterion.metric
          metricNamespace: criterion.?namespace ?? targets[alert.on].namespace
          timeAggregation: criterion.of
          operator: criterion.is
          threshold: criterion.threshold
          dimensions: criterion.dimensions
          skipMetricValidation: criterion.?namespace != null
        })
      }
      actions: [{ actionGroupId: actionGroup.id }]
    }
  }
]

resource onLogs 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for alert in logAlerts: {
    name: alert.name
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: alert.name
      description: '${alert.says} docs/operate.md#alert-${alert.name}'
      severity: alert.severity
      enabled: true
      autoMitigate: true
      scopes: [workspaceId]
      windowSize: alert.window
      evaluationFrequency: alert.every
      criteria: {
        allOf: [
          {
            query: alert.query
            metricMeasureColumn: alert.column
            timeAggregation: alert.of
            operator: 'GreaterThan'
            threshold: alert.threshold
            dimensions: map(alert.dimensions, column => { name: column, operator: 'Include', values: ['*'] })
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      // A table is there with its first row, which is after this.
      skipQueryValidation: true
      actions: { actionGroups: [actionGroup.id] }
    }
  }
]
