import type { Json } from '../values/json.ts'

/** The answer to `GET /`: the account's addresses and what it can do. */
export function accountDocument(host: string): Json {
  const location = [{ name: 'Local', databaseAccountEndpoint: `http://${host}/` }]
  return {
    // Not "localhost": the JS SDK would read this document again before nearly every request.
    id: 'tidemark',
    _rid: 'tidemark.local',
    _self: '',
    media: '//media/',
    addresses: '//addresses/',
    _dbs: '//dbs/',
    writableLocations: location,
    readableLocations: location,
    enableMultipleWriteLocations: false,
    userReplicationPolicy: { asyncReplication: false, minReplicaSetSize: 1, maxReplicasetSize: 1 },
    userConsistencyPolicy: { defaultConsistencyLevel: 'Session' },
    systemReplicationPolicy: { minReplicaSetSize: 1, maxReplicasetSize: 1 },
    readPolicy: { primaryReadCoefficient: 1, secondaryReadCoefficient: 1 },
    // .NET clients abort when it is empty.
    queryEngineConfiguration: JSON.stringify({
      maxSqlQueryInputLength: 262_144,
      maxJoinsPerSqlQuery: 5,
      maxLogicalAndPerSqlQuery: 500,
      maxLogicalOrPerSqlQuery: 500,
      maxUdfRefPerSqlQuery: 10,
      maxInExpressionItemsCount: 16_000,
      queryMaxInMemorySortDocumentCount: 500,
      maxQueryRequestTimeoutFraction: 0.9,
      sqlAllowNonFiniteNumbers: false,
      sqlAllowAggregateFunctions: true,
      sqlAllowSubQuery: false,
      sqlAllowScalarSubQuery: false,
      allowNewKeywords: true,
      sqlAllowLike: false,
      sqlAllowGroupByClause: false,
      maxSpatialQueryCells: 12,
      spatialMaxGeometryPointCount: 256,
      sqlDisableOptimizationFlags: 0,
      sqlEnableParameterExpansionCheck: true,
    }),
  }
}
