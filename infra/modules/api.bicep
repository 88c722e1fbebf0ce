// The function app: the program as a custom handler on Flex Consumption. settings.bicep and authentication.bicep set it up.

param name string
param planName string
param location string
param tags object
param identityId string
param storageName string
param packageContainer string
param pageOrigin string
param instanceMemoryMB int
param maximumInstances int
param streamsPerInstance int
param alwaysReadyInstances int

@description('The subnet through which instances go out; empty: none.')
param subnetId string
param zoneRedundant bool

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  // Not a service of azure.yaml today (azd has no Rust); the tag lets it become one.
  tags: union(tags, { 'azd-service-name': 'api' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
      // A browser opens six connections at most by HTTP/1.1, and each open answer would hold one.
      http20Enabled: true
      // The platform answers preflights, before authentication; the program never sees them.
      cors: {
        allowedOrigins: [pageOrigin]
        supportCredentials: false
      }
    }
    functionAppConfig: {
      runtime: {
        name: 'custom'
        version: '1.0'
      }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstances
        alwaysReady: alwaysReadyInstances > 0 ? [{ name: 'http', instanceCount: alwaysReadyInstances }] : []
        triggers: {
          http: {
            perInstanceConcurrency: streamsPerInstance
          }
        }
      }
    }
  }
}

output name string = app.name
output origin string = 'https://${app.properties.defaultHostName}'
