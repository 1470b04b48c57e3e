"""The steps of processing, one module each; settings.PROCESSING_STEPS names them in order."""
