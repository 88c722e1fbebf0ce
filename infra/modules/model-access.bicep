// Who may call the models of an account. Apart from model.bicep because the account may be an existing one in another
// resource group.

param accountName string
param appPrincipalId string

@description('Empty: nobody but the app.')
param developerPrincipalId string

// Cognitive Services User. "Cognitive Services OpenAI User" does not cover models of other publishers.
var cognitiveServicesUser = 'a97b65f3-24c7-4388-baec-2e87135dc908'

resource account 'Microsoft.CognitiveServices/accounts@2025-06-01' existing = {
  name: accountName
}

resource app 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, appPrincipalId, cognitiveServicesUser)
  scope: account
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', cognitiveServicesUser)
  }
}

resource developer 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(developerPrincipalId)) {
  name: guid(account.id, developerPrincipalId, cognitiveServicesUser)
  scope: account
  properties: {
    // No principalType: the one who deploys may be a person or a pipeline, and exists already.
    principalId: developerPrincipalId
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', cognitiveServicesUser)
  }
}
