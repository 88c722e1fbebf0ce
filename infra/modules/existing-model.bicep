// A deployment that was there before: which model it is, and where. Only Azure knows.

param accountName string
param deploymentName string

resource account 'Microsoft.CognitiveServices/accounts@2025-06-01' existing = {
  name: accountName

  resource deployment 'deployments' existing = {
    name: deploymentName
  }
}

var hostSuffix = account.kind == 'OpenAI' ? 'openai.azure.com' : 'services.ai.azure.com'

output endpoint string = 'https://${account.properties.customSubDomainName}.${hostSuffix}'
output modelName string = account::deployment.properties.model.name
