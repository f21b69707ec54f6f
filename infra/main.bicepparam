using 'main.bicep'

import { shapes } from 'shapes.bicep'

// What azd provisions: it takes this file before any main.parameters.json, and hands it the environment. A variable of a pipeline that nobody
// has set is empty there. The files of the shapes say the same for one shape each: a test holds them equal.

// On a laptop dev, where nobody says another. A pipeline has to say it: a production that lost the variable would open its network and shrink.
var isPipeline = !empty('${readEnvironmentVariable('CI', '')}${readEnvironmentVariable('GITHUB_ACTIONS', '')}${readEnvironmentVariable('TF_BUILD', '')}')
var shapeName = readEnvironmentVariable('TIDEMARK_SHAPE', isPipeline ? '' : 'dev')
var isDev = shapeName == 'dev'
var clientId = readEnvironmentVariable('TIDEMARK_API_CLIENT_ID', '')

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')
param shape = shapes[?shapeName] ?? fail('TIDEMARK_SHAPE is "${shapeName}", and must be dev, test or prod: a pipeline has to set it, docs/deploy.md')

// In dev whoever deploys may do with the data what the services may; elsewhere nobody, unless somebody is named.
param principalId = isDev
  ? readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')
  : readEnvironmentVariable('TIDEMARK_PRINCIPAL_ID', '')
// azd says who deploys, but for a file like this one not what that is: where nobody says it, Azure looks it up.
param principalType = isDev
  ? readEnvironmentVariable('AZURE_PRINCIPAL_TYPE', '')
  : readEnvironmentVariable('TIDEMARK_PRINCIPAL_TYPE', '')

// Production is not deployed without authentication.
param apiClientId = shapeName == 'prod' && empty(clientId)
  ? fail('TIDEMARK_API_CLIENT_ID is not set: the app registration whose tokens the services take, docs/deploy.md')
  : clientId
param alertEmail = readEnvironmentVariable('TIDEMARK_ALERT_EMAIL', '')
param otlpEndpoint = readEnvironmentVariable('TIDEMARK_OTLP_ENDPOINT', '')
param lockedAnchors = readEnvironmentVariable('TIDEMARK_LOCKED_ANCHORS', '')

// A hook of azure.yaml sets it before each provision: npm run cloud:units.
param eventHubsUnits = int(readEnvironmentVariable('TIDEMARK_EVENT_HUBS_UNITS', '0'))
