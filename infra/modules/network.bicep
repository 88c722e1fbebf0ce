// A network of the app's own: its instances go out through one subnet, the private addresses of model and storage are in
// another, and the names of both lead there.

param name string
param location string
param tags object

resource network 'Microsoft.Network/virtualNetworks@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: ['10.40.0.0/16'] }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: '10.40.0.0/24'
          // Telemetry, sign-in keys and the platform itself are still reached over the internet.
          defaultOutboundAccess: true
          delegations: [
            {
              name: 'flex'
              properties: { serviceName: 'Microsoft.App/environments' }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: '10.40.1.0/24'
          defaultOutboundAccess: false
        }
      }
    ]
  }
}

// The public cloud's; Microsoft Graph's part of this template knows no other.
#disable-next-line no-hardcoded-env-urls
var blobZone = 'privatelink.blob.core.windows.net'
var modelZones = [
  'privatelink.cognitiveservices.azure.com'
  'privatelink.openai.azure.com'
  'privatelink.services.ai.azure.com'
]

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for zone in concat([blobZone], modelZones): {
    name: zone
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (zone, at) in concat([blobZone], modelZones): {
    parent: zones[at]
    name: name
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: { id: network.id }
    }
  }
]

output appSubnetId string = '${network.id}/subnets/app'
output endpointSubnetId string = '${network.id}/subnets/endpoints'
output blobZoneId string = zones[0].id
output modelZoneIds array = [for at in range(1, length(modelZones)): zones[at].id]
