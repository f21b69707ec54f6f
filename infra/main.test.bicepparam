using 'main.bicep'

import { shapes } from 'shapes.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'test')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
param shape = shapes.test

// Only the services have rights on data, unless a principal is named.
param principalId = readEnvironmentVariable('TIDEMARK_PRINCIPAL_ID', '')
param principalType = readEnvironmentVariable('TIDEMARK_PRINCIPAL_TYPE', '')

param apiClientId = readEnvironmentVariable('TIDEMARK_API_CLIENT_ID', '')
param alertEmail = readEnvironmentVariable('TIDEMARK_ALERT_EMAIL', '')
param otlpEndpoint = readEnvironmentVariable('TIDEMARK_OTLP_ENDPOINT', '')
param lockedAnchors = readEnvironmentVariable('TIDEMARK_LOCKED_ANCHORS', '')
param eventHubsUnits = int(readEnvironmentVariable('TIDEMARK_EVENT_HUBS_UNITS', '0'))
