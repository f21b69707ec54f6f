/**
 * Deletions that do not reduce security: `<type> <path>`, or `<type>` for a whole resource. A rule must
 * notice every other deletion. The list contains properties of cost, size and looks, and those that Azure
 * requires.
 */
export const NOT_SECURITY: readonly RegExp[] = [
  / location$/,
  / (kind|sku(\.\w+)*|properties\.sku(\.\w+)*)$/,
  // The matrix checks what a role allows, and less is safe. The rest is its name and its assignable scopes.
  /^Microsoft\.Authorization\/roleAssignments properties\.principalType$/,
  /\/sqlRoleDefinitions properties\.(roleName|type|assignableScopes(\.\*)?|permissions\.\*\.dataActions\.\*)$/,
  // Azure refuses a role without these, and the archive's role has empty lists of other actions.
  /^Microsoft\.Authorization\/roleDefinitions properties\.(roleName|description|type|assignableScopes(\.\*)?)$/,
  /^Microsoft\.Authorization\/roleDefinitions properties\.permissions\.\*\.(actions|notActions|notDataActions)$/,
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
  // Entra accepts one audience, and the default version.
  /\/sites\/config properties\.(platform\.runtimeVersion|identityProviders\.azureActiveDirectory\.validation\.allowedAudiences\.\*)$/,
  // variants.test.ts tests apps without public access.
  /\/sites properties\.publicNetworkAccess$/,
  // Entra decides who reads logs in the portal.
  /\/(components|workspaces) properties\.publicNetworkAccessForQuery$/,
  /\/privateLinkScopes properties\.accessModeSettings\.queryAccessMode$/,
  /\/components properties\.(Application_Type|IngestionMode|WorkspaceResourceId)$/,
  /^Microsoft\.Authorization\/locks properties\.notes$/,
  /\/diagnosticSettings properties\.(logAnalyticsDestinationType|metrics(\.\*(\.category)?)?)$/,
  // An alert's criteria and text are its author's choice. A rule checks that it is on and notifies somebody.
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

/** More deletions that do not reduce security in dev: it has no private network, and its archive no policy. */
export const NOT_SECURITY_IN_PUBLIC: readonly RegExp[] = [
  /\/containers properties\.immutableStorageWithVersioning$/,
  / properties\.(publicNetworkAccess(ForIngestion)?|networkAcls(\.\w+)?|virtualNetworkSubnetId)$/,
  /\/networkRuleSets( properties(\.\w+)?)?$/,
]
