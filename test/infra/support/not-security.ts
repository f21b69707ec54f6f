/**
 * What may be deleted from a template without anything being less safe: `<type> <path>`, or `<type>` for a
 * resource as a whole. Everything else must be missed by a rule. What is about money, size, looks, or would
 * be refused by Azure right away stands here.
 */
export const NOT_SECURITY: readonly RegExp[] = [
  / location$/,
  / (kind|sku(\.\w+)*|properties\.sku(\.\w+)*)$/,
  // What a role gives is held by the matrix; less of it is less. What it is called, and where it could be given
  /^Microsoft\.Authorization\/roleAssignments properties\.principalType$/,
  /\/sqlRoleDefinitions properties\.(roleName|type|assignableScopes(\.\*)?|permissions\.\*\.dataActions\.\*)$/,
  // Size, placement and price
  /\/databaseAccounts properties\.(capabilities|databaseAccountOfferType|enableAutomaticFailover|locations\.\*\.\w+)$/,
  /\/sqlDatabases properties(\.options|\.resource(\.id)?)?$/,
  /\/containers properties\.(options|resource\.(id|defaultTtl|indexingPolicy(\.[\w*]+)*|partitionKey\.(kind|version)))$/,
  /\/namespaces properties\.(isAutoInflateEnabled|maximumThroughputUnits|zoneRedundant)$/,
  /\/eventhubs properties\.retentionDescription\.cleanupPolicy$/,
  /\/serverfarms properties(\.reserved|\.zoneRedundant)?$/,
  /\/sites properties\.(siteConfig\.http20Enabled|functionAppConfig\.deployment\.storage\.type)$/,
  /\/sites properties\.functionAppConfig\.scaleAndConcurrency\.alwaysReady(\.\*(\.\w+)?)?$/,
  /\/storageAccounts properties\.(accessTier|encryption\.(keySource|services(\.blob(\.enabled)?)?))$/,
  // Each setting is held against the list of settings: settings.test.ts
  /\/sites properties\.siteConfig\.appSettings\.\*(\.\w+)?$/,
  // Entra takes one audience, and its default version
  /\/sites\/config properties\.(platform\.runtimeVersion|identityProviders\.azureActiveDirectory\.validation\.allowedAudiences\.\*)$/,
  // Apps that answer in public say so; those that do not are in variants.deep.test.ts.
  /\/sites properties\.publicNetworkAccess$/,
  // Reading logs in the portal is Entra's to refuse
  /\/(components|workspaces) properties\.publicNetworkAccessForQuery$/,
  /\/privateLinkScopes properties\.accessModeSettings\.queryAccessMode$/,
  /\/components properties\.(Application_Type|IngestionMode|WorkspaceResourceId)$/,
  /^Microsoft\.Authorization\/locks properties\.notes$/,
  /\/diagnosticSettings properties\.(logAnalyticsDestinationType|metrics(\.\*(\.category)?)?)$/,
  // What an alert looks for and how it is told are its author's; that it is on and tells somebody is a rule.
  /^Microsoft\.Insights\/(metricAlerts|scheduledQueryRules|actionGroups)( properties(\.[\w*]+)*)?$/,
  /^Microsoft\.Insights\/workbooks( (properties|tags)(\.[\w*-]+)*)?$/,
  // Addresses and names
  /\/networkSecurityGroups properties\.securityRules\.\*\.(name|properties\.(description|priority|source\w+))$/,
  /\/virtualNetworkLinks properties\.registrationEnabled$/,
  /\/privateEndpoints properties\.(customNetworkInterfaceName|privateLinkServiceConnections\.\*\.name)$/,
  /\/privateDnsZoneGroups properties\.privateDnsZoneConfigs\.\*\.name$/,
  /\/virtualNetworks properties\.addressSpace(\.[\w*]+)*$/,
  /\/virtualNetworks properties\.subnets\.\*(\.name|\.properties\.(addressPrefix|delegations\.\*\.name))?$/,
]

/** Besides, where there is no network that anything could be closed to. */
export const NOT_SECURITY_IN_PUBLIC: readonly RegExp[] = [
  / properties\.(publicNetworkAccess(ForIngestion)?|networkAcls(\.\w+)?|virtualNetworkSubnetId)$/,
  /\/networkRuleSets( properties(\.\w+)?)?$/,
]
