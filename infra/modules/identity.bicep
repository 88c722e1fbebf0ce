// The one identity the function app acts as: towards the model, its storage and its telemetry. User-assigned, so that
// roles can be given before the app exists and outlive it.

param name string
param location string
param tags object

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

output id string = identity.id
output clientId string = identity.properties.clientId
output principalId string = identity.properties.principalId
