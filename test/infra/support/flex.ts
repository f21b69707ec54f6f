/** Where a property of an app is set. */
export type Place = 'site' | 'siteConfig' | 'app setting'

/**
 * Whether Flex Consumption accepts a property, refuses it, or has it elsewhere and ignores it here.
 */
export type Answer = 'takes' | 'refuses' | 'has elsewhere'

const MIGRATION = 'https://learn.microsoft.com/azure/azure-functions/migration/migrate-plan-consumption-to-flex'
const DEPRECATED =
  'https://learn.microsoft.com/azure/azure-functions/functions-app-settings#flex-consumption-plan-deprecations'
const SAMPLES =
  'https://github.com/Azure-Samples/azure-functions-flex-consumption-samples/blob/main/IaC/bicep/main.bicep'
const HOW_TO = 'https://learn.microsoft.com/azure/azure-functions/flex-consumption-how-to'
const IDENTITY =
  'https://learn.microsoft.com/azure/azure-functions/functions-reference#configure-an-identity-based-connection'
const OPEN_TELEMETRY = 'https://learn.microsoft.com/azure/azure-functions/opentelemetry-howto'
const TERRAFORM =
  'https://github.com/hashicorp/terraform-provider-azurerm/blob/main/website/docs/r/function_app_flex_consumption.html.markdown'
/** Error texts name the property: "site configuration properties (…) for Flex Consumption sites is invalid". */
const FTPS = 'https://github.com/microsoft/azure-pipelines-tasks/issues/21032'
const PREWARMED = 'https://github.com/Azure/terraform-azurerm-avm-res-web-site/issues/360'
const LINUX = 'https://github.com/Azure/terraform-azurerm-avm-res-web-site/issues/283'
const SCALE_LIMIT = 'https://github.com/Azure/azure-functions-host/issues/10643'
const RUNTIME = 'https://github.com/Azure/terraform-azurerm-avm-res-web-site/pull/345'

/**
 * The properties of an app that Flex Consumption accepts or not, each with its source. A property that is not
 * listed is unknown: look it up before the template sets it. A name may end in `*`.
 */
export const FLEX: readonly (readonly [place: Place, name: string, answer: Answer, source: string])[] = [
  ['site', 'serverFarmId', 'takes', SAMPLES],
  ['site', 'functionAppConfig', 'takes', SAMPLES],
  ['site', 'siteConfig', 'takes', SAMPLES],
  ['site', 'httpsOnly', 'takes', MIGRATION],
  ['site', 'publicNetworkAccess', 'takes', TERRAFORM],
  ['site', 'virtualNetworkSubnetId', 'takes', HOW_TO],
  // All traffic of an app goes through its subnet anyway. With this property and forced tunnelling, the
  // identity may get no tokens.
  ['site', 'outboundVnetRouting', 'has elsewhere', 'https://github.com/Azure/Azure-Functions/issues/2653'],
  ['site', 'vnetRouteAllEnabled', 'has elsewhere', DEPRECATED],
  ['site', 'vnetContentShareEnabled', 'has elsewhere', DEPRECATED],
  ['site', 'vnetImagePullEnabled', 'has elsewhere', DEPRECATED],
  ['site', 'vnetBackupRestoreEnabled', 'has elsewhere', DEPRECATED],
  ['site', 'dailyMemoryTimeQuota', 'refuses', RUNTIME],
  ['site', 'containerSize', 'has elsewhere', DEPRECATED],
  ['site', 'reserved', 'has elsewhere', DEPRECATED],
  ['site', 'isReserved', 'has elsewhere', DEPRECATED],

  ['siteConfig', 'appSettings', 'takes', SAMPLES],
  ['siteConfig', 'minTlsVersion', 'takes', MIGRATION],
  ['siteConfig', 'http20Enabled', 'takes', MIGRATION],
  ['siteConfig', 'cors', 'takes', MIGRATION],
  ['siteConfig', 'scmMinTlsVersion', 'takes', TERRAFORM],
  ['siteConfig', 'ftpsState', 'refuses', FTPS],
  ['siteConfig', 'use32BitWorkerProcess', 'refuses', FTPS],
  ['siteConfig', 'netFrameworkVersion', 'refuses', FTPS],
  ['siteConfig', 'functionsRuntimeScaleMonitoringEnabled', 'refuses', PREWARMED],
  ['siteConfig', 'preWarmedInstanceCount', 'refuses', PREWARMED],
  ['siteConfig', 'functionAppScaleLimit', 'refuses', SCALE_LIMIT],
  ['siteConfig', 'linuxFxVersion', 'refuses', LINUX],
  ['siteConfig', 'windowsFxVersion', 'refuses', RUNTIME],
  ['siteConfig', 'javaVersion', 'has elsewhere', DEPRECATED],
  ['siteConfig', 'alwaysOn', 'refuses', RUNTIME],
  [
    'siteConfig',
    'minimumElasticInstanceCount',
    'has elsewhere',
    'https://github.com/Azure/terraform-azurerm-avm-res-web-site/issues/353',
  ],

  ['app setting', 'AzureWebJobsStorage__*', 'takes', IDENTITY],
  ['app setting', 'EventHubConnection__*', 'takes', IDENTITY],
  ['app setting', 'CosmosConnection__*', 'takes', IDENTITY],
  ['app setting', 'ArchiveStorage__*', 'takes', IDENTITY],
  ['app setting', 'APPLICATIONINSIGHTS_CONNECTION_STRING', 'takes', SAMPLES],
  ['app setting', 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING', 'takes', SAMPLES],
  // The app's own settings, which the platform passes on unchanged.
  ['app setting', 'TIDEMARK_*', 'takes', MIGRATION],
  ['app setting', 'PersonalKeys__*', 'takes', MIGRATION],
  ['app setting', 'OTEL_*', 'takes', OPEN_TELEMETRY],
  ['app setting', 'FUNCTIONS_*', 'has elsewhere', DEPRECATED],
  ['app setting', 'WEBSITE_*', 'has elsewhere', DEPRECATED],
  ['app setting', 'WEBSITES_*', 'has elsewhere', DEPRECATED],
  ['app setting', 'SCM_DO_BUILD_DURING_DEPLOYMENT', 'has elsewhere', DEPRECATED],
  ['app setting', 'ENABLE_ORYX_BUILD', 'has elsewhere', DEPRECATED],
  ['app setting', 'TZ', 'has elsewhere', DEPRECATED],
]

/** Longest first, so that an exact name comes before a matching pattern. */
const byLength = FLEX.toSorted(([, one], [, other]) => other.length - one.length)

/**
 * What Flex Consumption does with a property or setting. Setting names are case-insensitive, as in Azure.
 */
export function findAnswer(place: Place, name: string): Answer | 'is not known to take' {
  const found = byLength.find(([where, known]) => {
    if (where !== place) return false
    const [a, b] = place === 'app setting' ? [known.toLowerCase(), name.toLowerCase()] : [known, name]
    return a.endsWith('*') ? b.startsWith(a.slice(0, -1)) : a === b
  })
  return found?.[2] ?? 'is not known to take'
}
