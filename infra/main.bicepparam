using 'main.bicep'

import { shapes } from 'shapes.bicep'

// What azd provisions: it takes this file before any main.parameters.json, and hands it the environment. A variable of a pipeline that nobody
// has set is empty there. The files of the shapes say the same for one shape each: a test holds them equal.
var chosen = readEnvironmentVariable('TIDEMARK_SHAPE', '')
var shapeName = empty(chosen) ? 'dev' : chosen
var isDev = shapeName == 'dev'
var clientId = readEnvironmentVariable('TIDEMARK_API_CLIENT_ID', '')

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')
param shape = shapes[shapeName]

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
param lockedAnchors = readEnvironmentVariable('TIDEMARK_LOCKED_ANCHORS', '')
