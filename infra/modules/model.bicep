// One account without keys, and one model deployment in it.

param accountName string
param location string
param tags object
param deploymentName string
param modelFormat string
param modelName string
param modelVersion string
param skuName string
param capacity int

resource account 'Microsoft.CognitiveServices/accounts@2025-06-01' = {
  name: accountName
  location: location
  tags: tags
  kind: 'AIServices'
  sku: { name: 'S0' }
  properties: {
    // Entra tokens are accepted at a host name of the account's own only.
    customSubDomainName: accountName
    disableLocalAuth: true
    publicNetworkAccess: 'Enabled'
  }
}

resource modelDeployment 'Microsoft.CognitiveServices/accounts/deployments@2025-06-01' = {
  parent: account
  name: deploymentName
  sku: {
    name: skuName
    capacity: capacity
  }
  properties: {
    model: {
      format: modelFormat
      name: modelName
      version: modelVersion
    }
    // A version that is retired takes the deployment with it unless the platform may replace it.
    versionUpgradeOption: 'OnceCurrentVersionExpired'
  }
}

output accountName string = account.name
