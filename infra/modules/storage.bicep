// What the Functions host needs to store: the app's package and its own small records. No shared keys, no public blobs.

param name string
param location string
param tags object

@description('Reached through a private endpoint only.')
param isPrivate bool

@description('Copies in three zones.')
param zoneRedundant bool

var packageContainer = 'app-package'

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS' }
  properties: {
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    supportsHttpsTrafficOnly: true
  }

  resource blobs 'blobServices' = {
    name: 'default'

    resource package 'containers' = {
      name: packageContainer
    }
  }
}

output id string = storage.id
output name string = storage.name
output packageContainer string = packageContainer
