// One account without keys, and model deployments in it.

param accountName string
param location string
param tags object

@description('A project in the account: the newest documents know no endpoint but a project\'s, and the portal shows no account without one.')
param projectName string

@description('Each with its name, model, format, version, sku and capacity.')
param deployments array

@description('Reached through private endpoints only.')
param isPrivate bool

resource account 'Microsoft.CognitiveServices/accounts@2025-06-01' = {
  name: accountName
  location: location
  tags: tags
  kind: 'AIServices'
  sku: { name: 'S0' }
  // Projects want one; it has no role anywhere.
  identity: { type: 'SystemAssigned' }
  properties: {
    // Entra tokens are accepted at a host name of the account's own only.
    customSubDomainName: accountName
    disableLocalAuth: true
    allowProjectManagement: true
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
  }
}

resource project 'Microsoft.CognitiveServices/accounts/projects@2025-06-01' = {
  parent: account
  name: projectName
  location: location
  tags: tags
  identity: { type: 'SystemAssigned' }
  properties: {}
}

// An account takes one change at a time.
@batchSize(1)
resource modelDeployments 'Microsoft.CognitiveServices/accounts/deployments@2025-06-01' = [
  for one in deployments: {
    parent: account
    name: one.deployment
    dependsOn: [project]
    sku: {
      name: one.sku
      capacity: one.capacity
    }
    properties: {
      model: {
        format: empty(one.format)
          ? fail('models.json does not know the model ${one.model}: say its format, too (MODEL_FORMAT)')
          : one.format
        name: one.model
        version: empty(one.version) ? null : one.version
      }
      // A version that is retired takes the deployment with it unless the platform may replace it.
      versionUpgradeOption: 'OnceCurrentVersionExpired'
    }
  }
]

output id string = account.id
