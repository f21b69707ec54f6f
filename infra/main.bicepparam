using 'main.bicep'

import { shapes } from 'shapes.bicep'

// azd provisions with this file: it prefers it to main.parameters.json and passes it the environment. A
// pipeline variable that nobody has set is empty. Each shape's file has the same values for that shape; a
// test compares them.

// The default on a laptop is dev. A pipeline must name its shape: if production lost the variable, it would
// open its network and shrink.
var pipelineVariables = [
  readEnvironmentVariable('CI', '')
  readEnvironmentVariable('GITHUB_ACTIONS', '')
  readEnvironmentVariable('TF_BUILD', '')
]
var isPipeline = !empty(join(pipelineVariables, ''))
var shapeName = readEnvironmentVariable('TIDEMARK_SHAPE', isPipeline ? '' : 'dev')
var isDev = shapeName == 'dev'
var clientId = readEnvironmentVariable('TIDEMARK_API_CLIENT_ID', '')

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')
var howToSet = 'a pipeline has to set it, docs/deploy.md'
var wrongShape = 'TIDEMARK_SHAPE is "${shapeName}", and must be dev, test or prod: ${howToSet}'
param shape = shapes[?shapeName] ?? fail(wrongShape)

// In dev the deployer gets the services' rights on data; elsewhere only a named principal.
param principalId = isDev
  ? readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')
  : readEnvironmentVariable('TIDEMARK_PRINCIPAL_ID', '')
// azd passes the deployer's id to a bicepparam file, but not its type. If it is not set, Azure looks it up.
param principalType = isDev
  ? readEnvironmentVariable('AZURE_PRINCIPAL_TYPE', '')
  : readEnvironmentVariable('TIDEMARK_PRINCIPAL_TYPE', '')

// Production requires authentication.
param apiClientId = shapeName == 'prod' && empty(clientId)
  ? fail('TIDEMARK_API_CLIENT_ID is not set: the app registration whose tokens the services take, docs/deploy.md')
  : clientId
param alertEmail = readEnvironmentVariable('TIDEMARK_ALERT_EMAIL', '')
param otlpEndpoint = readEnvironmentVariable('TIDEMARK_OTLP_ENDPOINT', '')
param lockedAnchors = readEnvironmentVariable('TIDEMARK_LOCKED_ANCHORS', '')

// A hook of azure.yaml sets it before each provision: npm run cloud:units.
param eventHubsUnits = int(readEnvironmentVariable('TIDEMARK_EVENT_HUBS_UNITS', '0'))
