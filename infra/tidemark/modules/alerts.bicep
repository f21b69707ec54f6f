// The alerts and their recipients. An alert is an entry of one of two tables: on a metric, or on a query of
// the logs. Each names its runbook, `alert-<name>` in docs/operate.md.

import { Tags } from '../types.bicep'

@export()
@description('The severity. 0: critical; 1: error, users miss something; 2: warning, they will; 3: worth knowing.')
type Severity = 0 | 1 | 2 | 3

@export()
@description('An alert on metrics of one resource. It fires per dimension value when all criteria hold.')
type MetricAlert = {
  @description('Also the anchor of its runbook.')
  name: string
  @description('A suffix that separates it from other alerts of its name.')
  only: string?
  @description('One sentence: what happened.')
  says: string
  severity: Severity
  on: 'applicationInsights' | 'cosmos' | 'eventHubs'
  @description('The evaluated time window, as an ISO 8601 duration.')
  window: 'PT5M' | 'PT15M' | 'PT30M' | 'PT1H' | 'PT6H' | 'PT12H' | 'P1D'
  @description('How often the alert is evaluated.')
  every: 'PT1M' | 'PT5M' | 'PT15M' | 'PT30M' | 'PT1H'
  all: Criterion[]
}

@export()
@description('A metric and its bad values.')
type Criterion = {
  metric: string
  @description('Absent: the resource\'s own. Otherwise one that need not exist yet, such as the app\'s own metrics.')
  namespace: string?
  of: 'Average' | 'Count' | 'Maximum' | 'Minimum' | 'Total'
  is: 'GreaterThan' | 'GreaterThanOrEqual' | 'LessThan' | 'LessThanOrEqual'
  threshold: int
  dimensions: { name: string, operator: 'Include' | 'Exclude', values: string[] }[]
}

@export()
@description('An alert on workspace rows. It fires per dimension value when the column exceeds the threshold.')
type LogAlert = {
  @description('Also the anchor of its runbook.')
  name: string
  @description('One sentence: what happened.')
  says: string
  severity: Severity
  @description('The evaluated time window, as an ISO 8601 duration.')
  window: 'PT15M' | 'PT30M' | 'PT1H' | 'PT6H' | 'P1D' | 'P2D'
  @description('How often the alert is evaluated.')
  every: 'PT5M' | 'PT15M' | 'PT30M' | 'PT1H' | 'PT6H' | 'P1D'
  @description('The rows. Azure aggregates them over the window, so the query must not: it would lose the time column.')
  query: string
  @description('The column to compare with the threshold.')
  column: string
  @description('How its values are aggregated.')
  of: 'Maximum' | 'Total'
  threshold: int
  @description('The columns to split by: one alert per value.')
  dimensions: string[]
}

@description('The region of log alerts.')
param location string

@description('The tags of all resources.')
param tags Tags

@description('The name of the action group.')
param name string

@description('The address that alerts are sent to. Empty: only the portal shows them.')
param email string

@description('The names of the hubs.')
param hubs string[]

@description('The services that receive canaries.')
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

var canaryNames = join(map(canaries, service => '"${service}"'), ', ')
var canaryQuery = [
  'datatable(Service: string) [${canaryNames}]'
  'join kind=leftanti (AppTraces'
  'where Message has "canary of" and Message has "was seen after"'
  'extend Service = extract("canary of ([a-z0-9-]+) was seen after", 1, Message)) on Service'
  'extend TimeGenerated = now(), Silent = 1'
]
var targets = {
  applicationInsights: { id: applicationInsights.id, namespace: applicationInsights.type }
  cosmos: { id: account.id, namespace: account.type }
  eventHubs: { id: namespace.id, namespace: namespace.type }
}

var each = ['*']
// Answers to a caller's mistakes, including the platform's own. They are not failures of a function.
var callersFaults = ['400', '401', '403', '404', '405', '409', '412', '413', '415', '422', '429']
// 70 % of a logical partition's 20 GB, in KB: a stream that grows by a GB a week leaves six weeks.
var largestPartition = 7 * 20 * 1024 * 1024 / 10

var metricAlerts MetricAlert[] = concat(
  [
    {
      name: 'cosmos-throttled'
      says: 'Cosmos DB refuses more requests for lack of throughput than retries can hide.'
      severity: 2
      on: 'cosmos'
      // A well-used container briefly refuses requests, and retries succeed. These refusals last.
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
      says: 'A Cosmos DB container uses nearly all of its throughput: requests of the next peak will be refused.'
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
      says: 'Event Hubs refuses requests for lack of throughput units: events are published and read late.'
      severity: 2
      on: 'eventHubs'
      // Auto-inflate needs a few refusals before it adds units, within about a minute. These refusals last.
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
      says: 'Functions fail: commands hit a bug, or events are retried and block later ones.'
      severity: 1
      on: 'applicationInsights'
      // A failing batch is retried every 30 s: at most ten times in this window. The alert must not end
      // meanwhile.
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
  // One per hub: with several criteria, a dimension can have only one value.
  map(hubs, hub => {
    name: 'events-not-consumed'
    only: hub
    says: 'The hub ${hub} receives events, but nobody reads them: views and reactions stand still.'
    severity: 1
    on: 'eventHubs'
    // Longer than a consumer needs to start.
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
      says: 'A stream or other logical partition nears its limit of 20 GB. Beyond that, appends fail.'
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
      // Consumers log this line once per loss, at any log level: packages/tidemark/runtime/follow.ts.
      name: 'events-missing'
      says: 'A consumer misses events that its hub lost, or never had if it was recreated: the owner must republish.'
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
      // A parked stream blocks nothing, so no function fails. Only this line reports it, once per stream and
      // message: packages/tidemark/runtime/parking.ts.
      name: 'events-parked'
      says: 'A view, reaction or relay cannot process an event. Its stream waits; the line names it and the reason.'
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
  // A service that does not run writes no line. So the query returns a row for each service without one.
  empty(canaries)
    ? []
    : [
        {
          // A service logs this line for each canary it has seen: packages/tidemark/runtime/canary.ts.
          name: 'canary-silent'
          says: 'A service saw no canary for 15 minutes: commands do not reach its views, or its timer stands still.'
          severity: 1
          window: 'PT15M'
          every: 'PT5M'
          query: join(canaryQuery, ' | ')
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
      // A table exists only after its first row, which comes after this deployment.
      skipQueryValidation: true
      actions: { actionGroups: [actionGroup.id] }
    }
  }
]
