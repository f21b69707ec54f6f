using 'main.bicep'

import { shapes } from 'shapes.bicep'

// What azd provisions: it takes this file before any main.parameters.json, and hands it the environment. A variable of a pipeline that nobody
// has set is empty there.
var shapeName = readEnvironmentVariable('TIDEMARK_SHAPE', '')
var principalKind = readEnvironmentVariable('AZURE_PRINCIPAL_TYPE', '')

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')
param shape = shapes[empty(shapeName) ? 'dev' : shapeName]
param principalId = readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')
param principalType = empty(principalKind) ? 'User' : principalKind
param apiClientId = readEnvironmentVariable('TIDEMARK_API_CLIENT_ID', '')
param alertEmail = readEnvironmentVariable('TIDEMARK_ALERT_EMAIL', '')
