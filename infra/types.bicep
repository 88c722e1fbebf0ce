// What main.parameters.json may say of models. docs/deploying.md, "Several models", has an example.

@export()
@description('A model that people may choose, and where it is.')
type model = {
  @minLength(1)
  @maxLength(32)
  @description('What requests call it: a to z, 0 to 9 and hyphens.')
  name: string

  @description('What people read; unset: the name.')
  title: string?

  @description('Settings of the program for this model alone, without MODEL_NAME_ before them (docs/settings.md): REASONING_EFFORT, EFFORTS, EXTRA_BODY as an object, and others. They come before those of models.json.')
  settings: object?

  @minLength(1)
  @description('Tried in this order.')
  deployments: deployment[]
}

@export()
@description('A deployment that is made here, or, with `account`, one that is there.')
type deployment = {
  @description('The model\'s name, as `az cognitiveservices model list` shows it. With `account`, only for the settings of models.json.')
  model: string

  @description('The model\'s publisher; unset: that of models.json.')
  format: string?

  @description('The model\'s version; unset: that of models.json, or Azure\'s default.')
  version: string?

  @description('How it is served and billed; unset: MODEL_SKU.')
  sku: string?

  @minValue(1)
  @maxValue(5000)
  @description('Its capacity; unset: MODEL_CAPACITY.')
  capacity: int?

  @description('The deployment\'s name; unset: the model\'s.')
  deployment: string?

  @description('Region of its account, of which there is one a region; unset: MODEL_LOCATION.')
  location: string?

  @description('An account that is there, with this deployment in it.')
  account: string?

  @description('The resource group of that account; unset: the same as the rest.')
  resourceGroup: string?
}
