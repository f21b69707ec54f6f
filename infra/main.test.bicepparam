using 'main.bicep'

import { shapes } from 'shapes.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'test')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
param shape = shapes.test
