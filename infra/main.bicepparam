using 'main.bicep'

import { shapes } from 'shapes.bicep'

// What azd provisions: of main.<shape>.bicepparam the one that TIDEMARK_SHAPE names, in one file, since azd takes this before any other and knows
// no choice. A variable of a pipeline that nobody has set is empty there.
var shapeName = readEnvironmentVariable('TIDEMARK_SHAPE', '')
var named = empty(shapeName) ? 'dev' : shapeName
var apiClient = readEnvironmentVariable('TIDEMARK_API_CLIENT_ID', '')

// Whoever deploys may touch the data of dev; elsewhere nobody but the services may, unless somebody is named.
var deployer = readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')
var deployerKind = readEnvironmentVariable('AZURE_PRINCIPAL_TYPE', '')
var operators = readEnvironmentVariable('TIDEMARK_PRINCIPAL_ID', '')
var operatorsKind = readEnvironmentVariable('TIDEMARK_PRINCIPAL_TYPE', '')

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')
param shape = shapes[named]
param principalId = named == 'dev' ? deployer : operators
param principalType = named == 'dev'
  ? (empty(deployerKind) ? 'User' : deployerKind)
  : (empty(operatorsKind) ? 'Group' : operatorsKind)
param apiClientId = named == 'prod' && empty(apiClient)
  ? fail('TIDEMARK_API_CLIENT_ID is not set: prod is not deployed without authentication')
  : apiClient
param alertEmail = readEnvironmentVariable('TIDEMARK_ALERT_EMAIL', '')
